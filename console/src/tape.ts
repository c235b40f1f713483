// The last trades: fixed rows, newest first.

import type { Instrument } from "./api";
import { h, setClass, setText, table } from "./dom";
import { clock, decimalsOf, fixed, short } from "./format";
import type { Trade } from "./stream";

export class Tape {
  readonly element: HTMLElement;
  private readonly rows: { row: HTMLTableRowElement; cells: HTMLTableCellElement[] }[];
  private readonly decimals: number;
  private trades: Trade[] = [];

  constructor(instrument: Instrument, rows: number) {
    this.decimals = decimalsOf(instrument.tick);
    const made = table(`Last trades of ${instrument.name}, newest first`, ["Time", ">Price", ">Size", "Taker"]);
    this.rows = Array.from({ length: rows }, () => {
      const cells = [h("td", { class: "dim" }, " "), h("td", { class: "n price" }), h("td", { class: "n" }), h("td")];
      const row = h("tr", {}, ...cells);
      made.body.append(row);
      return { row, cells };
    });
    made.table.className = "tape";
    this.element = made.table;
  }

  /** Newest first; they replace what is there. */
  fill(trades: Trade[]): void {
    this.trades = trades.slice(0, this.rows.length);
  }

  /** Oldest first, as they come. */
  add(trades: Trade[]): void {
    this.trades = [...trades.slice(-this.rows.length)].reverse().concat(this.trades).slice(0, this.rows.length);
  }

  show(): void {
    this.rows.forEach(({ row, cells }, place) => {
      const trade = this.trades[place];
      row.hidden = !trade;
      setClass(row, trade ? (trade.S === "Buy" ? "bid" : "ask") : "");
      const texts = trade
        ? [clock(Number(trade.T)), fixed(trade.p, this.decimals), short(trade.v), trade.S.toLowerCase()]
        : [" ", "", "", ""];
      cells.forEach((cell, number) => setText(cell, texts[number]!));
    });
  }
}
