// One instrument on Ekiden's public socket: book, trades, ticker and candles, as any client of Ekiden hears them.

import { Book, type BookData } from "./book";
import { Link, type LinkState } from "./socket";
import type { Venue } from "./venue";

export const DEPTH = 100;

export interface Ticker {
  last_price: string;
  index_price: string;
  mark_price: string;
  prev_price_24h: string;
  high_price_24h: string;
  low_price_24h: string;
  volume_24h: string;
  turnover_24h: string;
  open_interest: string;
  open_interest_value: string;
  funding_rate: string;
  next_funding_time: string;
}

export interface Trade {
  i: string;
  S: "Buy" | "Sell";
  p: string;
  v: string;
  T: string;
}

export interface Candle {
  t: string;
  o: string;
  h: string;
  l: string;
  c: string;
  v: string;
}

interface Event {
  op: string;
  topic?: string;
  type?: string;
  data?: unknown;
  message?: string;
}

export interface StreamEvents {
  book?: (book: Book) => void;
  trades?: (trades: Trade[]) => void;
  ticker?: (ticker: Ticker) => void;
  candle?: (candle: Candle) => void;
  state: (state: LinkState, why: string) => void;
}

/** Thrown where Ekiden's port is off, or does not list the instrument. */
export class NotHere extends Error {}

export class Stream {
  readonly symbol: string;
  private readonly rest: string;
  private readonly link: Link;
  private book = new Book();
  private interval = "";

  constructor(venue: Venue, instrument: string, private readonly events: StreamEvents) {
    const url = venue.socket("ekiden");
    const symbol = venue.instrument(instrument)?.symbols["ekiden"];
    if (url === undefined) throw new NotHere("The Ekiden port is off, and this view listens there.");
    if (symbol === undefined) throw new NotHere(`${instrument} has no Ekiden symbol, and this view listens there.`);
    this.symbol = symbol;
    this.rest = venue.rest("ekiden")!;
    this.link = new Link({
      url: () => `${url}/ws/public`,
      opened: () => this.op("subscribe", this.topics()),
      message: (text) => this.hear(JSON.parse(text) as Event),
      state: events.state,
      ping: () => JSON.stringify({ op: "ping" }),
    });
  }

  /** Candles of this interval from now on. */
  candles(interval: string): void {
    if (this.interval) this.op("unsubscribe", [this.klines()]);
    this.interval = interval;
    this.op("subscribe", [this.klines()]);
  }

  /** The last candles, oldest first. */
  async history(interval: string, limit: number): Promise<Candle[]> {
    const path = `/api/v1/market/kline?symbol=${this.symbol}&interval=${interval}&limit=${limit}`;
    const answer = (await (await fetch(this.rest + path)).json()) as { list: Candle[] };
    return answer.list;
  }

  /** The last trades, newest first. */
  async recent(limit: number): Promise<Trade[]> {
    const path = `/api/v1/market/recent-trade?symbol=${this.symbol}&limit=${limit}`;
    return ((await (await fetch(this.rest + path)).json()) as { list: Trade[] }).list;
  }

  end(): void {
    this.link.end();
  }

  private op(op: string, args: string[]): void {
    this.link.send(JSON.stringify({ op, args }));
  }

  private topics(): string[] {
    const { book, trades, ticker } = this.events;
    return [
      ...(book ? [`orderbook.${DEPTH}.${this.symbol}`] : []),
      ...(trades ? [`trade.${this.symbol}`] : []),
      ...(ticker ? [`ticker.${this.symbol}`] : []),
      ...(this.interval ? [this.klines()] : []),
    ];
  }

  private klines(): string {
    return `kline.${this.interval}.${this.symbol}`;
  }

  private hear(event: Event): void {
    if (event.op === "error") this.events.state("down", event.message ?? "error");
    if (event.op !== "event") return;
    const topic = event.topic ?? "";
    if (topic.startsWith("orderbook.")) {
      if (this.book.apply(event.type ?? "", event.data as BookData)) this.events.book?.(this.book);
      else this.link.restart();
    } else if (topic.startsWith("trade.")) {
      this.events.trades?.(event.data as Trade[]);
    } else if (topic.startsWith("ticker.")) {
      this.events.ticker?.(event.data as Ticker);
    } else if (this.interval && topic === this.klines()) {
      this.events.candle?.(event.data as Candle);
    }
  }
}
