// How a client of each exchange would hear one instrument: where it connects, what it says, and its code.

import type { Instrument } from "./api";
import type { Venue } from "./venue";

export type Wanted = "trades" | "book" | "both";

export interface Tongue {
  dialect: string;
  title: string;
  symbol: string;
  url: string;
  /** What is said once the socket is open. */
  says: string[];
  /** The sub-protocol that proves who it is, where the exchange has no stream without one. */
  protocol?: (token: string) => string;
  python: string;
  javascript: string;
}

export const TITLES: Record<string, string> = {
  kraken: "Kraken", bitstamp: "Bitstamp", peatio: "Peatio", rails: "Rails", ekiden: "Ekiden",
};

/** Undefined where the dialect is off or does not list the instrument. */
export function tongue(venue: Venue, instrument: Instrument, dialect: string, wanted: Wanted): Tongue | undefined {
  const base = venue.socket(dialect);
  const symbol = instrument.symbols[dialect];
  if (base === undefined || symbol === undefined) return undefined;
  const both = (trades: string, book: string): string[] =>
    wanted === "both" ? [trades, book] : [wanted === "trades" ? trades : book];
  const made = SPEECH[dialect]?.(base, symbol, both);
  if (!made) return undefined;
  const full = { dialect, title: TITLES[dialect] ?? dialect, symbol, ...made };
  const { key, secret } = venue.directory.users[0] ?? { key: "KEY", secret: "SECRET" };
  const login = { url: `${venue.rest(dialect)}/api/v1/token`, key, secret };
  return { ...full, python: python(full, login), javascript: javascript(full, login) };
}

type Made = Pick<Tongue, "url" | "says" | "protocol">;
type Speech = (base: string, symbol: string, both: (trades: string, book: string) => string[]) => Made;

const SPEECH: Record<string, Speech> = {
  kraken: (base, symbol, both) => ({
    url: `${base}/`,
    says: both(
      JSON.stringify({ event: "subscribe", pair: [symbol], subscription: { name: "trade" } }),
      JSON.stringify({ event: "subscribe", pair: [symbol], subscription: { name: "book", depth: 10 } }),
    ),
  }),
  bitstamp: (base, symbol, both) => ({
    url: `${base}/`,
    says: both(`live_trades_${symbol}`, `diff_order_book_${symbol}`)
      .map((channel) => JSON.stringify({ event: "bts:subscribe", data: { channel } })),
  }),
  peatio: (base, symbol, both) => ({
    url: `${base}/?${both(`stream=${symbol}.trades`, `stream=${symbol}.ob-inc`).join("&")}`,
    says: [],
  }),
  rails: (base, symbol, both) => ({
    url: `${base}/?market=${symbol}&subscriptions=${both("publicTrades", "publicOrderBook").join(",")}`,
    says: [],
    protocol: (token) => `authorization#${token}`,
  }),
  ekiden: (base, symbol, both) => ({
    url: `${base}/ws/public`,
    says: [JSON.stringify({ op: "subscribe", args: both(`trade.${symbol}`, `orderbook.10.${symbol}`) })],
  }),
};

type Plain = Omit<Tongue, "python" | "javascript">;

/** How Rails gives a token. */
interface Login {
  url: string;
  key: string;
  secret: string;
}

function python(tongue: Plain, { url, key, secret }: Login): string {
  const protocol = tongue.protocol?.("");
  return [
    `import asyncio${protocol ? ", json, urllib.request" : ""}, websockets  # pip install websockets`,
    "", "",
    "async def main():",
    ...(protocol
      ? [
        `    keys = {"X-Api-Key": "${key}", "X-Api-Secret": "${secret}"}`,
        `    request = urllib.request.Request("${url}", method="POST", headers=keys)`,
        '    token = json.load(urllib.request.urlopen(request))["access_token"]',
      ]
      : []),
    `    url = "${tongue.url}"`,
    protocol
      ? `    async with websockets.connect(url, subprotocols=["${protocol}" + token]) as socket:`
      : "    async with websockets.connect(url) as socket:",
    ...tongue.says.map((text) => `        await socket.send('${text}')`),
    "        async for message in socket:",
    "            print(message)",
    "", "",
    "asyncio.run(main())",
    "",
  ].join("\n");
}

function javascript(tongue: Plain, { url, key, secret }: Login): string {
  const protocol = tongue.protocol?.("");
  return [
    "// Node 22 or newer, as an ES module.",
    ...(protocol
      ? [
        `const headers = {"X-Api-Key": "${key}", "X-Api-Secret": "${secret}"};`,
        `const answer = await fetch("${url}", {method: "POST", headers});`,
        "const {access_token} = await answer.json();",
        `const socket = new WebSocket("${tongue.url}", ["${protocol}" + access_token]);`,
      ]
      : [`const socket = new WebSocket("${tongue.url}");`]),
    ...(tongue.says.length
      ? ["socket.onopen = () => {", ...tongue.says.map((text) => `  socket.send('${text}');`), "};"]
      : []),
    "socket.onmessage = (event) => console.log(event.data);",
    "",
  ].join("\n");
}
