// The pictures of the README: `node tests/screenshots.mjs URL DIRECTORY`. The server should have run for a while.

import { join } from "node:path";
import { api, DESK, live, PHONE, scene } from "./stage.mjs";

const directory = process.argv[3];
const seconds = (count) => new Promise((done) => setTimeout(done, count * 1000));

async function order(user, body) {
  const { users } = await api("GET", "/api/directory");
  const { key, secret } = users.find((one) => one.account === user);
  const headers = { authorization: `Basic ${btoa(`${key}:${secret}`)}` };
  await fetch(`${process.argv[2]}/api/orders`, { method: "POST", headers, body: JSON.stringify(body) });
}

await api("POST", "/api/flow", { speed: 1 });
await order("alice", { instrument: "BTC-USD", side: "buy", type: "limit", size: "0.5", price: "58000.0" });
await order("alice", { instrument: "BTC-USD", side: "sell", type: "market", size: "1", trigger: "stop_loss", trigger_price: "57000.0" });
await order("alice", { instrument: "BTC-USD", side: "buy", type: "market", size: "0.01" });
await order("alice", { instrument: "BTC-USD-PERP", side: "buy", type: "market", size: "0.005" });

const shots = [
  ["market", "market/BTC-USD", DESK, "dark", 3],
  ["tongues", "tongues/BTC-USD", DESK, "light", 15],
  ["trade", "trade/BTC-USD", DESK, "light", 3],
  ["operate", "operate/BTC-USD", DESK, "dark", 34],
  ["phone", "market/BTC-USD-PERP", PHONE, "light", 3],
];
for (const [name, view, viewport, colorScheme, wait] of shots) {
  await scene(async (open) => {
    if (name === "operate") {
      await open("tongues/BTC-USD");
      await open("market/BTC-USD");
      await open("trade/ETH-USD");
    }
    const page = await open(view);
    await live(page);
    await seconds(wait);
    await page.screenshot({ path: join(directory, `console-${name}.png`) });
  }, { viewport, colorScheme });
}
