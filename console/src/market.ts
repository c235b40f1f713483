// Market: one instrument's ladder, tape, candles, depth and statistics.

import { words, type Instrument } from "./api";
import type { Book } from "./book";
import type { Chart } from "./chart";
import { DepthChart } from "./depth";
import { choice, h, painter, panel, setClass, setText } from "./dom";
import { compactly, decimalsOf, fixed, short, span } from "./format";
import { Ladder } from "./ladder";
import type { Shell } from "./shell";
import { NotHere, Stream, type Candle, type Ticker, type Trade } from "./stream";
import { Tape } from "./tape";
import { onTheme } from "./theme";

const INTERVALS: Record<string, number> = { "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14400, "1d": 86400 };
const HISTORY = 500;
const TAPE = 48;

export function marketView(shell: Shell, root: HTMLElement): void {
  const { instrument, scope, venue } = shell;
  const decimals = decimalsOf(instrument.tick);
  const rows = matchMedia("(max-width: 1180px)").matches ? 9 : Math.max(8, Math.min(24, Math.floor((innerHeight - 312) / 42)));
  const ladder = new Ladder(instrument, rows);
  const tape = new Tape(instrument, TAPE);
  const stats = new Stats(instrument, decimals);
  const place = h("div", { class: "chart" });
  let interval = "1m";
  let book: Book | undefined;
  let ticker: Ticker | undefined;
  let chart: Chart | undefined;
  let taped = false;
  const candles: Candle[] = [];

  const paint = painter(() => {
    if (book) {
      ladder.show(book);
      depth.show(book);
    }
    if (ticker) stats.show(ticker);
    if (taped) tape.show();
    taped = false;
    chart?.show();
  });
  const depth = new DepthChart(instrument.name, decimals, paint);

  let stream: Stream;
  try {
    stream = new Stream(venue, instrument.name, {
      state: (state, why) => {
        shell.link(state, why);
        if (state === "live") load();
      },
      book: (now) => {
        book = now;
        paint();
      },
      ticker: (now) => {
        ticker = now;
        paint();
      },
      trades: (trades: Trade[]) => {
        tape.add(trades);
        taped = true;
        chart?.trade(trades, INTERVALS[interval]!);
        paint();
      },
      candle: (candle) => {
        if (chart) chart.update(candle);
        else candles.push(candle);
        paint();
      },
    });
  } catch (error) {
    if (!(error instanceof NotHere)) throw error;
    root.append(h("p", { class: "empty" }, error.message));
    return;
  }
  scope.add(() => stream.end());
  scope.add(() => depth.end());

  /** What was before the socket was opened. */
  async function fill(): Promise<void> {
    const asked = interval;
    stream.candles(asked);
    const [history, recent] = await Promise.all([stream.history(asked, HISTORY), stream.recent(TAPE)]);
    if (scope.ended || asked !== interval) return;
    tape.fill(recent);
    taped = true;
    chart?.fill(history);
    if (!chart) candles.unshift(...history);
    paint();
  }

  /** A server that is away is asked again when the socket is back. */
  function load(): void {
    fill().catch((error: unknown) => shell.link("down", words(error)));
  }

  void import("./chart").then(({ Chart }) => {
    if (scope.ended) return;
    const made = new Chart(place, decimals);
    made.fill(candles);
    chart = made;
    scope.add(() => made.end());
    scope.add(onTheme(() => {
      made.paint();
      depth.paint();
      paint();
    }));
    load();
  });

  const intervals = choice("Length of a candle", Object.keys(INTERVALS).map((name) => [name, name]), interval, (one) => {
    interval = one;
    load();
  });
  root.append(
    stats.element,
    h("div", { class: "market" },
      panel("Candles", "candles", [intervals], place),
      panel("Order book", "book", [], ladder.element),
      panel("Trades", "trades", [], h("div", { class: "scroll", tabIndex: 0, role: "group", aria: { label: "Trades" } }, tape.element)),
      panel("Depth", "depth", [], depth.element)),
  );
  scope.every(1000, () => ticker && stats.tick(ticker));
}

class Stats {
  readonly element: HTMLElement;
  private readonly values = new Map<string, HTMLElement>();
  private readonly last: HTMLElement;
  private before = 0;

  constructor(private readonly instrument: Instrument, private readonly decimals: number) {
    this.last = h("strong", { class: "last" }, "–");
    const shown = ["24 h change", "24 h high", "24 h low", `24 h volume (${instrument.base})`, `24 h turnover (${instrument.quote})`];
    if (instrument.kind === "perpetual") shown.push("Mark", "Index", "Funding", "Next funding", `Open interest (${instrument.base})`);
    this.element = h("section", { class: "stats", aria: { label: `Statistics of ${instrument.name}` } },
      h("div", { class: "title" }, h("h1", {}, instrument.name), this.last),
      h("dl", {}, ...shown.map((name) => {
        const value = h("dd", {}, "–");
        this.values.set(name.split(" (")[0]!, value);
        return h("div", {}, h("dt", {}, name), value);
      })));
  }

  show(ticker: Ticker): void {
    const last = Number(ticker.last_price);
    setText(this.last, last ? fixed(ticker.last_price, this.decimals) : "–");
    if (last !== this.before) setClass(this.last, `last ${this.before && last < this.before ? "ask" : "bid"}`);
    this.before = last;
    const first = Number(ticker.prev_price_24h);
    const change = first ? ((last - first) / first) * 100 : 0;
    this.set("24 h change", `${change < 0 ? "▼ −" : "▲ +"}${Math.abs(change).toFixed(2)} %`, change < 0 ? "ask" : "bid");
    this.set("24 h high", fixed(ticker.high_price_24h, this.decimals));
    this.set("24 h low", fixed(ticker.low_price_24h, this.decimals));
    this.set("24 h volume", compactly(Number(ticker.volume_24h)));
    this.set("24 h turnover", compactly(Number(ticker.turnover_24h)));
    if (this.instrument.kind !== "perpetual") return;
    this.set("Mark", fixed(ticker.mark_price, this.decimals));
    this.set("Index", fixed(ticker.index_price, this.decimals));
    this.set("Funding", `${short((Number(ticker.funding_rate) * 100).toFixed(4)).replace("-", "−")} %`);
    this.set("Open interest", short(ticker.open_interest));
    this.tick(ticker);
  }

  /** What changes with time alone. */
  tick(ticker: Ticker): void {
    const due = Number(ticker.next_funding_time);
    if (due) this.set("Next funding", span((due - Date.now()) / 1000));
  }

  private set(name: string, text: string, kind = ""): void {
    const value = this.values.get(name);
    if (!value) return;
    setText(value, text);
    setClass(value, kind);
  }
}
