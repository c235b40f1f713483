// The order book as a ladder: fixed rows, whose texts change.

import type { Book, Level } from "./book";
import type { Instrument } from "./api";
import { h, setText } from "./dom";
import { decimalsOf, fixed, short } from "./format";

interface Row {
  row: HTMLTableRowElement;
  price: HTMLElement;
  size: HTMLElement;
  total: HTMLElement;
  bar: HTMLElement;
  text: string;
}

export class Ladder {
  readonly element: HTMLElement;
  private readonly asks: Row[];
  private readonly bids: Row[];
  private readonly middle = h("td", { colSpan: 3 });
  private readonly decimals: number;

  /** `picked` is told the price of a row that is clicked. */
  constructor(instrument: Instrument, rows: number, private readonly picked?: (price: string) => void) {
    this.decimals = decimalsOf(instrument.tick);
    this.asks = Array.from({ length: rows }, () => this.row("ask")).reverse();
    this.bids = Array.from({ length: rows }, () => this.row("bid"));
    const head = ["Price", "Size", "Total"].map((name) => h("th", { scope: "col", class: "n" }, name));
    this.element = h("table", { class: picked ? "ladder picks" : "ladder" },
      h("caption", { class: "hidden" }, `Order book of ${instrument.name}: asks above, bids below`),
      h("thead", {}, h("tr", {}, ...head)),
      h("tbody", {}, ...[...this.asks].reverse().map((one) => one.row),
        h("tr", { class: "middle" }, this.middle), ...this.bids.map((one) => one.row)));
  }

  show(book: Book): void {
    const shown = this.asks.length;
    const most = Math.max(total(book.asks, shown), total(book.bids, shown), Number.MIN_VALUE);
    this.side(this.asks, book.asks, most);
    this.side(this.bids, book.bids, most);
    const [ask, bid] = [book.asks[0], book.bids[0]];
    if (ask && bid) {
      const gap = ask.value - bid.value;
      const points = (gap / ask.value) * 10_000;
      setText(this.middle, `spread ${fixed(gap.toFixed(this.decimals), this.decimals)} · ${points.toFixed(2)} bp`);
    } else {
      setText(this.middle, "one side is empty");
    }
  }

  private side(rows: Row[], levels: readonly Level[], most: number): void {
    let sum = 0;
    rows.forEach((row, place) => {
      const level = levels[place];
      sum += level?.amount ?? 0;
      row.text = level?.price ?? "";
      setText(row.price, level ? fixed(level.price, this.decimals) : " ");
      setText(row.size, level ? short(level.size) : "");
      setText(row.total, level ? brief(sum) : "");
      row.bar.style.transform = `scaleX(${level ? Math.min(1, sum / most).toFixed(3) : 0})`;
    });
  }

  private row(kind: "ask" | "bid"): Row {
    const bar = h("i", { class: "bar" });
    const price = h("span", {}, " ");
    const size = h("td", { class: "n" }, "");
    const totals = h("td", { class: "n dim" }, "");
    const button = this.picked ? h("button", { type: "button", title: "Take this price" }, price) : price;
    const row: Row = {
      row: h("tr", { class: kind }, h("td", { class: "n price" }, bar, button), size, totals),
      price, size, total: totals, bar, text: "",
    };
    if (this.picked) button.addEventListener("click", () => row.text && this.picked?.(row.text));
    return row;
  }
}

function total(levels: readonly Level[], count: number): number {
  return levels.slice(0, count).reduce((sum, level) => sum + level.amount, 0);
}

function brief(value: number): string {
  return value >= 1000 ? value.toFixed(1) : value >= 1 ? value.toFixed(3) : value.toPrecision(3);
}
