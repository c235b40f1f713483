"use strict";

// The WHATWG WebSocket, as browsers have it (undici's, which Node.js brings), on Rails: the token as sub-protocol, which
// such a client insists on being echoed, and every stream.

const { parseArgs } = require("util");
const { WebSocket, fetch } = require("undici");

const STREAMS = ["orders", "trades", "publicTrades", "publicOrderBook"];
const WANTED = [
  "subscribed",
  "pong",
  "createOrder",
  "fillOrder",
  "completedOrdersDelta",
  "publicCompletedOrdersDelta",
  "publicOrderBook",
  "publicOrderBookDelta",
];

const { values } = parseArgs({
  options: {
    ws: { type: "string" },
    rest: { type: "string" },
    what: { type: "string", default: "sockets" },
    seconds: { type: "string", default: "60" },
  },
});

const emit = (finding, facts) => console.log(JSON.stringify({ finding, ...facts }));

function fail(text) {
  console.error(`FAILED: ${text}`);
  process.exit(1);
}

async function main() {
  const headers = { "X-Api-Key": "demo2", "X-Api-Secret": "demo2" };
  const { access_token: token } = await (await fetch(`${values.rest}/api/v1/token`, { method: "POST", headers })).json();
  const socket = new WebSocket(`${values.ws}/?market=BTC-USD&subscriptions=`, `authorization#${token}`);
  const seen = {};
  const ask = (message, content) => socket.send(JSON.stringify({ message, content }));
  socket.onopen = () => {
    if (socket.protocol !== `authorization#${token}`) fail("the sub-protocol was not chosen");
    ask("subscribe", { subscriptions: STREAMS });
    ask("ping");
    ask("emitPublicOrderBook");
    ask("createOrder", { orderType: "buy", tradeType: "market", quantity: "0.001" });
  };
  socket.onmessage = ({ data }) => {
    const { resultType } = JSON.parse(data);
    seen[resultType] = (seen[resultType] ?? 0) + 1;
    if (WANTED.every((name) => seen[name])) socket.close(1000, "enough");
  };
  socket.onerror = (event) => fail(`the socket failed: ${event.message ?? event.type}`);
  socket.onclose = ({ code }) => {
    emit("result", { ok: code === 1000, seen, code });
    process.exit(code === 1000 ? 0 : 1);
  };
  setTimeout(() => fail(`not delivered: ${WANTED.filter((name) => !seen[name])}`), Number(values.seconds) * 1000);
}

main().catch((error) => fail(error.stack));
