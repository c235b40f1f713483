// A browser with the console in it, for the tests: real clicks, and nothing may go wrong unseen.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

export const url = process.argv[2];
export const DESK = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Tells the test that started this something, and waits for what it answers. */
export async function tell(what) {
  console.log(JSON.stringify(what));
  const lines = createInterface({ input: process.stdin });
  const [line] = await once(lines, "line");
  lines.close();
  process.stdin.pause();
  return JSON.parse(line);
}

/** Runs a scene in a page; whatever the page complains of fails it, unless it is `expected`. */
export async function scene(play, { viewport = DESK, colorScheme = "light", expected = /^$/, ...rest } = {}) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  try {
    const context = await browser.newContext({ viewport, colorScheme, ...rest });
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const errors = [];
    const open = async (path) => {
      const page = await context.newPage();
      page.setDefaultTimeout(20_000);
      page.on("console", (message) => ["error", "warning"].includes(message.type()) && errors.push(message.text()));
      page.on("pageerror", (error) => errors.push(error.message));
      await page.goto(`${url}/#/${path}`);
      return page;
    };
    await play(open, context);
    assert.deepEqual(errors.filter((text) => !expected.test(text)), []);
  } finally {
    await browser.close();
  }
}

export const live = (page) => page.locator("#link.live").waitFor();

/** Returns once a check holds that did not before; what it complains of last is thrown when that takes too long. */
export async function eventually(check, milliseconds = 20_000) {
  for (const last = Date.now() + milliseconds; ;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > last) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Has axe look at the page as it is: WCAG 2.1 A and AA, contrast and labels among them. */
export async function accessible(page, where) {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const result = await window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] });
    return result.violations.map((one) => [one.id, one.nodes.map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`)]);
  });
  assert.deepEqual(found, [], where);
}

/** The page is not wider than the window. */
export async function fits(page, where) {
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= window, `${where}: ${wide} pixels in a window of ${window}`);
}

export async function api(method, path, body) {
  const answer = await fetch(url + path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json();
}
