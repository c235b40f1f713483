"use strict";

// Opens one web page in Chromium. It is served from this machine, so a WebSocket that it opens has its Origin.
//
// Prints a line of JSON for whatever happens there: {"origin"} once it is open, {"console", "arguments"} for a call of
// its console, {"error"} for what it throws. Reads lines {"id", "evaluate"}, whose code runs in the page, and answers
// {"id", "value"} or {"id", "failure"}. Ends with its input, so that no browser outlives a test.

const http = require("http");
const readline = require("readline");
const { parseArgs } = require("util");
const { chromium } = require("playwright-core");

const { values } = parseArgs({ options: { browser: { type: "string" }, script: { type: "string", default: "" } } });
const DOCUMENT = '<!doctype html><meta charset="utf-8"><title>page</title><link rel="icon" href="data:,"><script src="/page.js"></script>';

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

function serve() {
  const server = http.createServer(({ url }, answer) => {
    const script = url === "/page.js";
    answer.setHeader("Content-Type", script ? "text/javascript; charset=utf-8" : "text/html; charset=utf-8");
    answer.end(script ? values.script : DOCUMENT);
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

async function evaluate(page, line) {
  const { id, evaluate: code } = JSON.parse(line);
  try {
    say({ id, value: (await page.evaluate(code)) ?? null });
  } catch (error) {
    say({ id, failure: error.message });
  }
}

async function main() {
  const server = await serve();
  const root = process.getuid() === 0; // Chromium's sandbox does not work for root
  const browser = await chromium.launch({
    executablePath: values.browser,
    args: [...(root ? ["--no-sandbox"] : []), "--disable-dev-shm-usage"],
  });
  const page = await browser.newPage();
  let printed = Promise.resolve(); // values are fetched one call after the other, so that calls keep their order
  page.on("console", (message) => {
    const read = Promise.all(message.args().map((value) => value.jsonValue()));
    printed = printed.then(async () => say({ console: message.type(), arguments: await read })).catch(() => {});
  });
  page.on("pageerror", (error) => say({ error: error.stack ?? String(error) }));
  const origin = `http://127.0.0.1:${server.address().port}`;
  await page.goto(`${origin}/`);
  say({ origin });
  for await (const line of readline.createInterface({ input: process.stdin })) await evaluate(page, line);
  await browser.close();
  server.close();
}

main().catch((error) => {
  console.error(error.stack);
  process.exit(1);
});
