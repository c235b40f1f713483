"use strict";

// ccxws on Bitstamp's WebSocket: trades, level 2 snapshots and level 2 updates (it has no level 3 of this exchange).
//
// Changed against its documentation: the address. Its snapshots over REST have the exchange's address written into
// them, so they are off, and the driver takes the snapshot itself, as the exchange's documents tell a client to.
// It prints what the other drivers print: one line of JSON per finding, the reason of a failure on standard error.

const http = require("http");
const { parseArgs } = require("util");
const { version } = require("ccxws/package.json");
const { BitstampClient } = require("ccxws");

const AGREEMENTS = 3; // how often the two books must be the same
const AFTER_END = 1000; // milliseconds to look for messages that must not come any more
const ACKS = ["bts:subscription_succeeded", "bts:unsubscription_succeeded"];
const NUMBER = /^\d+(\.\d+)?$/;

const emit = (finding, facts) => console.log(JSON.stringify({ finding, ...facts }));
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function need(condition, text) {
  if (!condition) throw new Error(text);
}

/** Counts what was valid until there is enough of everything, or until something is wrong. */
class Tally {
  constructor(needs) {
    this.needs = needs;
    this.seen = {};
    this.failures = [];
  }

  saw(name, example = null) {
    this.seen[name] = (this.seen[name] ?? 0) + 1;
    if (this.seen[name] === 1) emit("first", { channel: name, example });
  }

  fail(text) {
    this.failures.push(text);
    emit("failure", { text });
  }

  missing(names = Object.keys(this.needs)) {
    return names.filter((name) => (this.seen[name] ?? 0) < this.needs[name]);
  }

  /** Wait until these have delivered enough; false when something failed first, or when the time is over. */
  async until(names, deadline) {
    while (this.missing(names).length > 0 && this.failures.length === 0) {
      if (Date.now() > deadline) {
        this.fail(`these had not delivered enough in time: ${this.missing(names).join(", ")}`);
      }
      await pause(20);
    }
    return this.failures.length === 0;
  }

  verdict() {
    const missing = {};
    for (const name of this.missing()) missing[name] = `${this.seen[name] ?? 0} of ${this.needs[name]}`;
    const ok = this.failures.length === 0 && Object.keys(missing).length === 0;
    emit("result", { ok, seen: this.seen, missing });
    if (!ok) console.error(`FAILED: ${this.failures[0] ?? `not delivered: ${JSON.stringify(missing)}`}`);
    return ok ? 0 : 1;
  }
}

/** The rows of one side: numbers as text, sorted best first, no price twice. */
function checkSide(points, sign) {
  let last = null;
  for (const { price, size } of points) {
    need(NUMBER.test(price) && NUMBER.test(size), `level ${price} ${size}`);
    need(last === null || sign * (Number(price) - last) > 0, `price ${price} is not after ${last}`);
    last = Number(price);
  }
}

function checkLevels(message) {
  checkSide(message.bids, -1);
  checkSide(message.asks, 1);
  need(message.bids.length + message.asks.length > 0, "a message with nothing in it");
}

function uncrossed(bid, ask) {
  need(bid === undefined || ask === undefined || Number(bid) < Number(ask), `bid ${bid} is not below ask ${ask}`);
}

/**
 * The book of the updates: buffered until REST has given a snapshot, then applied one by one. The stamps are those of
 * the frames, in microseconds: the client rounds them to milliseconds, and two may become one.
 */
class Book {
  constructor(tally, snapshot) {
    this.tally = tally;
    this.snapshot = snapshot; // asks REST
    this.buffer = [];
    this.sides = null;
    this.stamp = 0;
    this.previous = 0;
    this.tops = new Map(); // the best hundred of each side, by the moment
    this.others = new Map(); // the same as the snapshot channel has said it
  }

  update(stamp, message) {
    checkLevels(message);
    need(stamp > this.previous, `an update of ${stamp} after ${this.previous}`);
    this.previous = stamp;
    if (this.sides !== null) {
      this.apply(stamp, message);
      return;
    }
    this.buffer.push([stamp, message]);
    if (this.buffer.length === 1) this.load().catch((error) => this.tally.fail(`snapshot: ${error.message}`));
  }

  async load() {
    const { bids, asks, microtimestamp } = await this.snapshot();
    this.stamp = Number(microtimestamp);
    need(this.stamp >= this.buffer[0][0], "the snapshot is older than the first update");
    this.sides = { bids: new Map(bids), asks: new Map(asks) };
    this.tally.saw("snapshot of REST", { stamp: this.stamp, levels: [bids.length, asks.length] });
    for (const [stamp, message] of this.buffer) this.apply(stamp, message);
  }

  apply(stamp, message) {
    if (stamp <= this.stamp) return;
    for (const name of ["bids", "asks"]) {
      for (const { price, size } of message[name]) {
        const side = this.sides[name];
        if (Number(size) > 0) side.set(price, size);
        else need(side.delete(price), `${price} is removed from the ${name}, where it is not`);
      }
    }
    const top = this.top();
    uncrossed(top.bids[0]?.[0], top.asks[0]?.[0]);
    this.tops.set(stamp, top);
    this.compare(stamp);
    this.tally.saw("l2update", { bid: top.bids[0], ask: top.asks[0] });
  }

  top() {
    const best = (side, sign) => [...side].sort((a, b) => sign * (Number(a[0]) - Number(b[0]))).slice(0, 100);
    return { bids: best(this.sides.bids, -1), asks: best(this.sides.asks, 1) };
  }

  /** What the snapshot channel says is the whole of the best hundred at one moment. */
  whole(stamp, message) {
    checkLevels(message);
    need(Math.max(message.bids.length, message.asks.length) <= 100, "more than a hundred levels");
    uncrossed(message.bids[0]?.price, message.asks[0]?.price);
    const rows = (points) => points.map(({ price, size }) => [price, size]);
    this.others.set(stamp, { bids: rows(message.bids), asks: rows(message.asks) });
    this.compare(stamp);
  }

  compare(stamp) {
    const [ours, theirs] = [this.tops.get(stamp), this.others.get(stamp)].map((book) => JSON.stringify(book));
    if (ours === undefined || theirs === undefined) return;
    need(ours === theirs, `at ${stamp} updates make ${ours.slice(0, 200)}, the snapshot is ${theirs.slice(0, 200)}`);
    this.tally.saw("books agree", stamp);
  }
}

function checkTrade(trade, last) {
  need(NUMBER.test(trade.price) && NUMBER.test(trade.amount) && Number(trade.amount) > 0, JSON.stringify(trade));
  need(trade.side === "buy" || trade.side === "sell", `side ${trade.side}`);
  need(Number.isSafeInteger(trade.buyOrderId) && Number.isSafeInteger(trade.sellOrderId), JSON.stringify(trade));
  need(/^\d+$/.test(trade.tradeId) && Number(trade.tradeId) > last, `trade ${trade.tradeId} after ${last}`);
  need(trade.unix > 1.5e12, `time ${trade.unix}`);
}

function getJson(url) {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { timeout: 10000 }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => {
        try {
          need(response.statusCode === 200, `status ${response.statusCode} of ${url}`);
          resolve(JSON.parse(Buffer.concat(parts).toString()));
        } catch (error) {
          reject(error);
        }
      });
    });
    request.on("timeout", () => request.destroy(new Error(`no answer from ${url}`)));
    request.on("error", reject);
  });
}

/** What the client hands on, each with the check that it goes through. */
function listen(client, tally, book, socket) {
  const guard = (check) => (...items) => {
    try {
      check(...items);
    } catch (error) {
      tally.fail(error.message);
    }
  };
  let last = 0;
  client.on("trade", guard((trade) => {
    checkTrade(trade, last);
    last = Number(trade.tradeId);
    tally.saw("trade", trade);
  }));
  client.on("l2snapshot", guard((message) => {
    book.whole(socket.stampOf(message), message);
    tally.saw("l2snapshot", { bid: message.bids[0], ask: message.asks[0] });
  }));
  client.on("l2update", guard((message) => book.update(socket.stampOf(message), message)));
  client.on("error", (error) => tally.fail(`the client says ${error.message ?? error}`));
  client.on("disconnected", () => tally.fail("the connection was lost"));
}

/** The client hands on neither acknowledgements nor errors, so these are seen on its socket's own events. */
class Socket {
  constructor(tally, names) {
    this.tally = tally;
    this.names = names;
    this.live = new Set();
    this.data = null; // of the frame that the client handles next
  }

  watch(emitter) {
    emitter.prependListener("message", (raw) => this.look(JSON.parse(raw)));
  }

  look({ event, channel, data }) {
    const name = Object.keys(this.names).find((known) => this.names[known] === channel);
    if (event === ACKS[0]) this.live.add(channel);
    else if (event === ACKS[1]) this.live.delete(channel);
    else if (event.startsWith("bts:")) this.tally.fail(`the server says ${event} ${JSON.stringify(data)}`);
    else if (!this.live.has(channel)) this.tally.fail(`data of ${channel}, which is not subscribed`);
    if (ACKS.includes(event)) this.tally.saw(`${name} ${event === ACKS[0] ? "subscribed" : "unsubscribed"}`, channel);
    this.data = data;
  }

  /** The microseconds of the frame that the client has made this message of, which it gives rounded. */
  stampOf(message) {
    const stamp = Number(this.data.microtimestamp);
    need(message.timestampMs === Math.round(stamp / 1000), `${message.timestampMs} is not ${stamp}`);
    return stamp;
  }
}

async function drive(options) {
  const deadline = Date.now() + options.seconds * 1000;
  const market = { id: options.pair, base: "BTC", quote: "USD" };
  const names = { trades: "live_trades", snapshots: "order_book", updates: "diff_order_book" };
  for (const name of Object.keys(names)) names[name] += `_${options.pair}`;
  const acks = (word) => Object.keys(names).map((name) => `${name} ${word}`);
  const books = { l2snapshot: 5, l2update: options.updates, "snapshot of REST": 1, "books agree": AGREEMENTS };
  const streams = { trade: 2, ...books };
  const all = { ...streams, "nothing after the end": 1 };
  for (const name of [...acks("subscribed"), ...acks("unsubscribed")]) all[name] = 1;
  const tally = new Tally(all);

  const client = new BitstampClient({ wssPath: options.ws });
  client.requestSnapshot = false;
  const book = new Book(tally, () => getJson(`${options.rest}/api/v2/order_book/${options.pair}/?group=1`));
  const socket = new Socket(tally, names);
  listen(client, tally, book, socket);
  try {
    client.subscribeTrades(market);
    socket.watch(client._wss);
    client.subscribeLevel2Snapshots(market);
    client.subscribeLevel2Updates(market);
    if (await tally.until([...acks("subscribed"), ...Object.keys(streams)], deadline)) {
      client.unsubscribeTrades(market);
      client.unsubscribeLevel2Snapshots(market);
      client.unsubscribeLevel2Updates(market);
      if (await tally.until(acks("unsubscribed"), deadline)) {
        await pause(AFTER_END); // data of a channel that is not subscribed is a failure
        tally.saw("nothing after the end");
      }
    }
  } finally {
    client.removeAllListeners("disconnected");
    client.close();
  }
  return tally.verdict();
}

async function main() {
  const text = (value) => ({ type: "string", default: value });
  const { values } = parseArgs({
    options: {
      ws: text(),
      rest: text(),
      pair: text("btcusd"),
      what: text("sockets"),
      seconds: text("60"),
      updates: text("20"),
    },
  });
  need(values.ws && values.rest && values.what === "sockets", "needs --ws and --rest; knows --what sockets alone");
  const { hasLevel3Snapshots, hasLevel3Updates } = new BitstampClient();
  emit("client", { name: "ccxws", version, level3: hasLevel3Snapshots || hasLevel3Updates });
  return drive({ ...values, seconds: Number(values.seconds), updates: Number(values.updates) });
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(error.stack);
    console.error(`FAILED: ${error.message}`);
    process.exit(1);
  },
);
