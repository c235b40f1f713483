// Market: what is shown is what the venue has, and changes with it.

import assert from "node:assert/strict";
import { api, eventually, live, scene, url } from "./stage.mjs";

const number = (text) => Number(text.replaceAll(",", ""));

await scene(async (open) => {
  const page = await open("market/BTC-USD");
  await live(page);
  const asks = page.locator(".ladder .ask .price");
  const bids = page.locator(".ladder .bid .price");
  await page.waitForFunction(() => document.querySelector(".ladder .bid .price")?.textContent?.trim());
  await page.locator(".tape tr.bid, .tape tr.ask").first().waitFor();
  await page.locator(".chart canvas").first().waitFor();
  const before = await page.locator(".tape tbody").innerText();
  await page.waitForFunction((old) => document.querySelector(".tape tbody").innerText !== old, before);

  // With the flow standing still, the ladder is the book that REST gives.
  await api("POST", "/api/flow", { paused: true });
  await page.locator("#flow", { hasText: "flow paused" }).waitFor();
  const { dialects } = await api("GET", "/api/directory");
  const { port } = dialects.find((one) => one.name === "ekiden");
  const rows = await asks.count();
  const place = `http://${new URL(url).hostname}:${port}/api/v1/market/orderbook?symbol=BTC-USD&limit=${rows}`;
  const both = async () => {
    const { result } = await (await fetch(place)).json();
    assert.deepEqual((await asks.allInnerTexts()).map(number).reverse(), result.a.map(([price]) => Number(price)));
    assert.deepEqual((await bids.allInnerTexts()).map(number), result.b.map(([price]) => Number(price)));
  };
  await eventually(both); // the last changes may still be on their way to either
  await api("POST", "/api/flow", { paused: false });

  await page.getByRole("button", { name: "5m", exact: true }).click();
  assert.equal(await page.getByRole("button", { name: "5m", exact: true }).getAttribute("aria-pressed"), "true");

  // A perpetual has more to show.
  assert.equal(await page.getByText("Funding", { exact: true }).count(), 0);
  await page.getByLabel("Instrument").selectOption("BTC-USD-PERP");
  await page.getByRole("heading", { name: "BTC-USD-PERP" }).waitFor();
  for (const name of ["Mark", "Index", "Funding", "Next funding"]) {
    const value = page.locator(".stats dl div", { has: page.getByText(name, { exact: true }) }).locator("dd");
    await page.waitForFunction((element) => /\d/.test(element.textContent), await value.elementHandle());
  }
  assert.match(page.url(), /#\/market\/BTC-USD-PERP$/);

  // The keyboard alone.
  await page.locator("main").focus();
  await page.keyboard.press("3");
  await page.getByRole("heading", { name: "Trade BTC-USD-PERP" }).waitFor();
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "instrument");

  const theme = page.locator("#theme");
  await theme.click();
  await theme.click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.reload();
  await live(page);
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
});
