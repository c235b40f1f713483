// A server that goes away and comes back: the page says so, and goes on by itself.

import assert from "node:assert/strict";
import { live, scene, tell } from "./stage.mjs";

await scene(async (open) => {
  const page = await open("market/BTC-USD");
  await live(page);
  await page.waitForFunction(() => document.querySelector(".ladder .bid .price")?.textContent?.trim());
  await tell("live");
  await page.locator("#link.down").waitFor();
  assert.equal(await page.locator("#link").textContent(), "reconnecting");
  assert.equal(await page.evaluate(() => document.body.classList.contains("old")), true);
  await tell("away");
  await live(page);
  const before = await page.locator(".tape tbody").innerText();
  await page.waitForFunction((old) => document.querySelector(".tape tbody").innerText !== old, before);
  assert.equal(await page.evaluate(() => document.body.classList.contains("old")), false);
}, { expected: /ERR_CONNECTION|WebSocket connection/ });
