// Faults: one that is injected here is done to a client, and its end is shown.

import { live, scene, tell } from "./stage.mjs";

await scene(async (open) => {
  const page = await open("operate/BTC-USD");
  await live(page);
  const panel = page.locator(".panel.faults");
  const label = (name) => panel.getByLabel(name, { exact: true });
  const inject = panel.getByRole("button", { name: "Inject" });

  await label("dialect").selectOption("kraken");
  await label("kind").selectOption("delay");
  await inject.click();
  await panel.locator(".said.bad", { hasText: "delay takes ms" }).waitFor();

  await label("kind").selectOption("checksum");
  await label("connection").fill(await tell("which connection"));
  await label("count").fill("1");
  await inject.click();
  await panel.locator(".said.good", { hasText: "checksum" }).waitFor();
  await panel.locator("pre", { hasText: '"hits": 0' }).waitFor();
  await tell("injected");
  await panel.locator("pre", { hasText: /^\[\]$/ }).waitFor();
}, { expected: /400/ });
