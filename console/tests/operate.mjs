// Operate: what the ports carry is shown, and what is changed here is changed in the venue.

import assert from "node:assert/strict";
import { api, live, scene } from "./stage.mjs";

await scene(async (open) => {
  await live(await open("tongues/BTC-USD"));
  const page = await open("operate/ETH-USD");
  await live(page);
  for (const name of ["kraken", "bitstamp", "peatio", "rails", "ekiden"]) {
    const cell = (place) => page.locator(`.ports tr[data-dialect=${name}] td:nth-child(${place})`);
    await page.waitForFunction((element) => Number(element.textContent) === 1, await cell(2).elementHandle());
    await page.waitForFunction((element) => Number(element.textContent) >= 1, await cell(3).elementHandle());
    await page.waitForFunction((element) => element.textContent.startsWith("≤"), await cell(6).elementHandle());
  }
  await page.locator(".subscriptions td", { hasText: "live_trades" }).first().waitFor();

  await page.getByRole("button", { name: "Pause" }).click();
  await page.locator(".panel.flow .chip", { hasText: "paused" }).waitFor();
  await page.locator("#flow", { hasText: "flow paused" }).waitFor();
  assert.equal((await api("GET", "/api/flow")).paused, true);
  await page.getByRole("button", { name: "Step 1 s" }).click();
  await page.getByLabel("Speed").selectOption("5");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.locator(".panel.flow .chip", { hasText: "running at 5 ×" }).waitFor();
  assert.deepEqual(await api("GET", "/api/flow").then(({ speed, paused }) => [speed, paused]), [5, false]);
  await page.getByLabel("Speed").selectOption("1");
  await page.locator("#flow").waitFor({ state: "hidden" });

  await page.getByLabel("Status of ETH-USD").selectOption("halted");
  await page.getByRole("button", { name: "Set" }).click();
  await page.getByText("ETH-USD is halted.").waitFor();
  const status = async () => (await api("GET", "/api/instruments")).find((one) => one.name === "ETH-USD").status;
  assert.equal(await status(), "halted");
  await page.getByLabel("Status of ETH-USD").selectOption("online");
  await page.getByRole("button", { name: "Set" }).click();
  await page.getByText("ETH-USD is online.").waitFor();
  assert.equal(await status(), "online");

  await page.getByLabel("The venue's status").fill("maintenance");
  await page.getByRole("button", { name: "Tell all clients" }).click();
  await page.getByText("All clients were told “maintenance”.").waitFor();
  assert.equal((await api("GET", "/api/system/status")).status, "maintenance");
  await api("PUT", "/api/system/status", { status: "online" });

  // Faults are offered where the server has them, and only there.
  const { paths } = await api("GET", "/openapi.json");
  assert.equal(await page.getByRole("heading", { name: "Faults on purpose" }).count(), "/api/faults" in paths ? 1 : 0);
});
