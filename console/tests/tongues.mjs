// Tongues: every frame stands beside those of the same batch, and the code on the page receives it.

import assert from "node:assert/strict";
import { live, scene, tell } from "./stage.mjs";

const FIVE = ["kraken", "bitstamp", "peatio", "rails", "ekiden"];

await scene(async (open) => {
  const page = await open("tongues/BTC-USD");
  await live(page);
  // A trade that all five have told.
  const row = await page.waitForFunction((five) => [...document.querySelectorAll(".row[data-seq]")].find(
    (one) => one.querySelector(".what .bid, .what .ask") && five.every((name) => one.querySelector(`[data-dialect=${name}] pre`)),
  ), FIVE);
  await page.getByRole("button", { name: "Hold still" }).click();
  const [what, frames] = await row.evaluate((one, five) => [
    one.querySelector(".what .bid, .what .ask").textContent,
    five.map((name) => [...one.querySelectorAll(`[data-dialect=${name}] pre`)].map((pre) => pre.firstChild.data).join("\n")),
  ], FIVE);
  const [, side, size, price] = /^(buy|sell) ([\d.]+) @ ([\d.,]+)$/.exec(what);
  const plain = price.replaceAll(",", "").replace(/\.?0+$/, "");
  frames.forEach((text, place) => {
    assert.ok(text.includes(plain), `${FIVE[place]} does not say ${plain}: ${text}`);
    assert.ok(text.includes(size), `${FIVE[place]} does not say ${size}: ${text}`);
  });
  assert.ok(frames[2].includes(`"taker_type":"${side}"`));

  // Books as well: something of a book on every wire, in one batch.
  await page.getByRole("button", { name: "Both" }).click();
  await page.waitForFunction((five) => [...document.querySelectorAll(".row[data-seq]")].some(
    (one) => five.filter((name) => one.querySelector(`[data-dialect=${name}] pre`)).length === five.length,
  ), FIVE);

  // The code, as it is copied.
  await page.getByRole("button", { name: "Trades", exact: true }).click();
  const samples = {};
  for (const title of ["Kraken", "Bitstamp", "Peatio", "Rails", "Ekiden"]) {
    await page.getByRole("group", { name: "Exchange" }).getByRole("button", { name: title }).click();
    for (const language of ["Python", "JavaScript"]) {
      await page.getByRole("button", { name: language }).click();
      await page.getByRole("button", { name: "Copy" }).click();
      await page.getByText("copied").waitFor();
      samples[`${title} ${language}`] = await page.evaluate(() => navigator.clipboard.readText());
    }
  }
  await tell(samples);

  // What a dialect does not list is said, not left out.
  await page.getByLabel("Instrument").selectOption("BTC-USD-PERP");
  await page.locator(".heads .kraken", { hasText: "not listed here" }).waitFor();
});
