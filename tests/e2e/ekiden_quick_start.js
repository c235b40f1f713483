const ws = new WebSocket("wss://api.ekiden.fi/ws/public"); // use staging URL for testing
ws.onopen = () => {
// Subscribe to orderbook and trades for a market
ws.send(JSON.stringify({ op: "subscribe", args: [
"orderbook.1.BTC-USDC",
"trade.BTC-USDC"
], req_id: "100001" }));
};
ws.onmessage = (ev) => {
const msg = JSON.parse(ev.data);
// Handle acks
if (msg.op === "subscribed") console.log("Subscribed:", msg.args);
if (msg.op === "unsubscribed") console.log("Unsubscribed:", msg.args);
if (msg.op === "error") console.warn("Error:", msg.message);
// Ping/pong timestamps are uint64 Unix nanoseconds in the schema; omit `ts` if your language can’t safely represent u64.
if (msg.op === "pong") console.log("Pong:", msg);
// Handle events (market or user, depending on stream)
if (msg.op === "event") {
console.log("Topic:", msg.topic, "Data:", msg.data);
}
};
// Heartbeat every ~20s
setInterval(() => {
// `ts` is optional; when provided it should be Unix nanoseconds (u64).
// Many clients simply omit it and use pong as a liveness check.
ws.send(JSON.stringify({ op: "ping", req_id: "hb" }));
}, 20_000);
