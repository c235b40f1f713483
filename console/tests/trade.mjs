// Trade: what is done here is done in the venue, and what happens there is seen here.

import assert from "node:assert/strict";
import { accessible, live, scene, tell } from "./stage.mjs";

await scene(async (open) => {
  const page = await open("trade/BTC-USD");
  await live(page);
  await page.locator(".private .chip.live").waitFor();
  const orders = page.locator(".orders tbody tr[data-order]");
  const fills = page.locator(".fills tbody tr:has(td.n)");
  const submit = page.locator(".ticket button[type=submit]");
  const label = (name) => page.getByLabel(name, { exact: true });
  const place = async () => {
    const before = await page.evaluate(() => document.querySelector(".ticket .said")?.outerHTML);
    await submit.click();
    await page.waitForFunction((old) => {
      const said = document.querySelector(".ticket .said.good, .ticket .said.bad");
      return said && said.outerHTML !== old; // a refusal of before may still stand there
    }, before);
    assert.equal(await page.locator(".ticket .said").getAttribute("class"), "said good", await page.locator(".ticket .said").textContent());
  };

  // A limit order: Bitstamp's client sees it, changed too.
  await page.locator("input[name=size]").fill("0.02");
  await page.locator("input[name=price]").fill("50000");
  assert.equal(await submit.textContent(), "Buy 0.02 BTC");
  await place();
  await orders.first().waitFor();
  const id = Number(await orders.first().getAttribute("data-order"));
  await tell({ placed: id });
  await page.getByRole("button", { name: `Amend order ${id}` }).click();
  await accessible(page, "while an order is amended");
  await page.getByLabel(`New price of order ${id}`).fill("51000");
  await page.getByRole("button", { name: `Save order ${id}` }).click();
  await page.locator(".orders td", { hasText: "51,000.0" }).waitFor();
  await tell({ amended: id });

  // Bitstamp's client sells half of it: the fill comes back to the page.
  await fills.first().waitFor();
  assert.match(await fills.first().innerText(), /BTC-USD\s+buy\s+51,000\.0\s+0\.01\s+[\d.]+\s+maker/);
  await page.locator(".orders tr[data-order] td.n:nth-child(6)", { hasText: /^0\.01$/ }).waitFor();
  await page.locator(".balances tr[data-currency=BTC] td:nth-child(2)", { hasText: "1,000.01" }).waitFor();
  await page.locator(".events li", { hasText: "execution" }).first().waitFor();
  await page.getByRole("button", { name: `Cancel order ${id}` }).click();
  await page.getByText("no open orders").waitFor();
  await tell({ cancelled: id });

  // What the venue refuses is said in its words.
  await page.locator("input[name=price]").fill("0.01");
  await submit.click();
  await page.locator(".ticket .said.bad", { hasText: "tick" }).waitFor();

  // Every type there is.
  const type = label("Type");
  const when = label("When");
  const holds = label("Holds");
  await page.locator("input[name=price]").fill("40000");
  for (const time of ["ioc", "fok", "day", "gtd", "gtc"]) {
    await holds.selectOption(time);
    if (time === "gtd") await page.locator("input[name=expire_at]").fill("2030-01-01T00:00:00");
    await place();
  }
  await page.getByLabel("Post only").check();
  await place();
  await page.getByLabel("Post only").uncheck();
  await page.getByRole("group", { name: "Side" }).getByRole("button", { name: "Sell" }).click();
  for (const trigger of ["stop_loss", "trailing_stop_loss"]) {
    await when.selectOption(trigger);
    await type.selectOption("market");
    if (trigger === "stop_loss") await page.locator("input[name=trigger_price]").fill("30000");
    await place();
  }
  await when.selectOption("take_profit");
  await type.selectOption("limit");
  await page.locator("input[name=trigger_price]").fill("90000");
  await page.locator("input[name=price]").fill("91000");
  await place();
  await page.getByRole("group", { name: "Side" }).getByRole("button", { name: "Buy" }).click();
  await when.selectOption("trailing_take_profit");
  await type.selectOption("market");
  await place();
  await when.selectOption("none");
  await type.selectOption("instant");
  await page.locator("input[name=amount]").fill("100");
  await place();
  await page.getByRole("group", { name: "Side" }).getByRole("button", { name: "Sell" }).click();
  assert.equal(await type.inputValue(), "cash_sell");
  await place();
  const kinds = await page.locator(".orders tbody td:nth-child(3)").allInnerTexts();
  for (const part of ["limit · gtc", "limit · day", "limit · gtd", "post only", "stop loss 30000", "take profit 90000", "trailing stop loss", "trailing take profit"]) {
    assert.ok(kinds.some((kind) => kind.includes(part)), `no order is ${part}: ${kinds}`);
  }
  await page.getByRole("button", { name: "Cancel all" }).click();
  await page.getByText("no open orders").waitFor();

  // The other account has other orders; a price of the ladder is taken by a click.
  await page.getByLabel("Demo account").selectOption("bob");
  await page.locator(".private .chip.live").waitFor();
  await page.locator("input[name=price]").fill("45000");
  await place();
  await page.locator(".ladder .bid button", { hasText: "45,000.0" }).click();
  assert.equal(await page.locator("input[name=price]").inputValue(), "45000.0");
}, { expected: /status of 409/ }); // the browser's own word for the order that is refused
