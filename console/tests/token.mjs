// A server with an operator's token: the page asks for it, and works with it.

import assert from "node:assert/strict";
import { accessible, live, scene } from "./stage.mjs";

await scene(async (open) => {
  const page = await open("operate/BTC-USD");
  const token = page.getByLabel("Token", { exact: true });
  await token.waitFor();
  await accessible(page, "while the token is asked for");
  await token.fill("the wrong one, surely");
  await page.getByRole("button", { name: "Use it" }).click();
  await page.locator("dialog[open]").waitFor();
  await token.fill("correct-horse-battery");
  await page.keyboard.press("Enter");
  await live(page);
  assert.equal(await page.locator("dialog[open]").count(), 0);
  await page.getByRole("link", { name: "Tongues" }).click();
  await live(page);
  await page.locator(".heads .rails", { hasText: "live" }).waitFor();
  await page.getByRole("link", { name: "Trade" }).click();
  await page.locator(".private .chip.live").waitFor();
}, { expected: /status of 401/ });
