// Trade: a ticket, and what an account has: orders, fills, balances, positions.
//
// The account's private stream (Ekiden's private socket) says at once that something happened; what stands then is asked
// of the native API, which has every order type and every currency.

import { call, get, words, type Balance, type Fill, type Order, type Position } from "./api";
import type { Book } from "./book";
import { field, h, painter, panel, select, setText, table, type Child } from "./dom";
import { clock, count, decimalsOf, fixed, short } from "./format";
import { Ladder } from "./ladder";
import type { Shell } from "./shell";
import { Link } from "./socket";
import { NotHere, Stream } from "./stream";
import { Ticket } from "./ticket";

const KEY = "polyfeed.key";
const FILLS = 40;
const EVENTS = 60;
/** Characters of a private message that are shown at once. */
const LONG = 200;
const POLL_MS = 2_000;
const SAFETY_MS = 10_000;

export function tradeView(shell: Shell, root: HTMLElement): void {
  const users = shell.venue.directory.users;
  const kept = sessionStorage.getItem(KEY);
  const known = users.find((one) => `${one.key}:${one.secret}` === kept) ?? users[0];
  let desk: Desk | undefined;
  const place = h("div", { class: "trade" });
  const open = (account: string, key: string): void => {
    sessionStorage.setItem(KEY, key);
    desk?.end();
    place.replaceChildren();
    desk = new Desk(shell, place, account, key);
  };
  shell.scope.add(() => desk?.end());
  const account = select(users.map((one) => [one.account, one.account]), known?.account);
  account.addEventListener("change", () => {
    const user = users.find((one) => one.account === account.value);
    if (user) open(user.account, `${user.key}:${user.secret}`);
  });
  root.append(
    h("div", { class: "bar" }, h("h1", {}, `Trade ${shell.instrument.name}`),
      users.length ? field("Demo account", account) : logIn(open)),
    place,
  );
  if (known) open(known.account, `${known.key}:${known.secret}`);
}

/** Outside the demo: whoever has a key gives it; it is kept until the tab is closed. */
function logIn(open: (account: string, key: string) => void): HTMLElement {
  const account = h("input", { name: "account", required: true, autocomplete: "username" });
  const key = h("input", { name: "key", required: true, autocomplete: "off" });
  const secret = h("input", { name: "secret", type: "password", required: true, autocomplete: "off" });
  const form = h("form", { class: "inline" }, field("Account", account), field("Key", key), field("Secret", secret),
    h("button", { type: "submit" }, "Use"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    open(account.value, `${key.value}:${secret.value}`);
  });
  return form;
}

class Desk {
  private readonly ends: (() => void)[] = [];
  private readonly orders = table("Open orders", ["Market", "Side", "Type", ">Price", ">Size", ">Left", "Status", "Change"]);
  private readonly fills = table("Fills, newest first", ["Time", "Market", "Side", ">Price", ">Size", ">Fee", "As"]);
  private readonly balances = table("Balances", ["Currency", ">Available", ">Held", ">Total"]);
  private readonly positions = table("Positions", ["Market", ">Size", ">Entry", ">Mark", ">Liquidation", ">Leverage", ">Margin", ">Unrealised"]);
  private readonly held = panel("Positions", "positions", [], h("div", { class: "scroll", tabIndex: 0, role: "group", aria: { label: "Positions" } }, this.positions.table));
  private readonly events = h("ol", { class: "events" });
  private readonly said = h("p", { class: "said", role: "status" });
  private readonly streamed = h("span", { class: "chip" }, "connecting");
  private amending = 0;
  private asked = 0;
  private busy = false;
  private ended = false;

  constructor(private readonly shell: Shell, root: HTMLElement, private readonly account: string, private readonly key: string) {
    const { instrument } = shell;
    const ticket = new Ticket(instrument, () => key, () => this.soon());
    const cancelAll = h("button", { type: "button" }, "Cancel all");
    cancelAll.addEventListener("click", () => void this.act(call("DELETE", "/api/orders", undefined, key)));
    const region = (label: string, ...children: Child[]): HTMLElement =>
      h("div", { class: "scroll", tabIndex: 0, role: "group", aria: { label } }, ...children);
    root.append(
      panel("Order", "order", [], ticket.element),
      panel("Order book", "book", [], this.ladder(ticket)),
      h("div", { class: "own" },
        panel("Open orders", "orders", [cancelAll], this.said, region("Open orders", this.orders.table)),
        this.held,
        panel("Fills", "fills", [], region("Fills", this.fills.table)),
        panel("Balances", "balances", [], region("Balances", this.balances.table)),
        panel("Private stream", "private", [this.streamed], region("Private stream", this.events)),
      ),
    );
    this.listen();
    void this.refresh();
  }

  end(): void {
    this.ended = true;
    for (const end of this.ends) end();
  }

  private ladder(ticket: Ticket): HTMLElement {
    const { instrument, venue, link } = this.shell;
    const ladder = new Ladder(instrument, 9, (price) => ticket.take(fixed(price, decimalsOf(instrument.tick), false)));
    let book: Book | undefined;
    const paint = painter(() => book && ladder.show(book));
    try {
      const stream = new Stream(venue, instrument.name, {
        state: link,
        book: (now) => {
          book = now;
          const best = now.bids[0];
          if (best) ticket.suggest(fixed(best.price, decimalsOf(instrument.tick), false));
          paint();
        },
      });
      this.ends.push(() => stream.end());
    } catch (error) {
      if (!(error instanceof NotHere)) throw error;
      return h("p", { class: "empty" }, error.message);
    }
    return ladder.element;
  }

  private listen(): void {
    const url = this.shell.venue.socket("ekiden");
    if (url === undefined) {
      setText(this.streamed, "Ekiden is off: asked every 2 s");
      this.every(POLL_MS);
      return;
    }
    const { venue } = this.shell;
    let token = "";
    const link = new Link({
      url: async () => {
        token = await venue.token("ekiden", this.account);
        return `${url}/ws/private`;
      },
      opened: (send) => {
        send(JSON.stringify({ op: "auth", bearer: token }));
        send(JSON.stringify({ op: "subscribe", args: ["order", "execution", "position", "account_balance"] }));
        this.soon();
      },
      message: (text) => this.hear(text),
      state: (state, why) => {
        this.streamed.className = `chip ${state}`;
        setText(this.streamed, state === "live" ? "live" : `${state}${why && `: ${why}`}`);
      },
      ping: () => JSON.stringify({ op: "ping" }),
    });
    this.ends.push(() => link.end());
    this.every(SAFETY_MS); // marks and margins of positions change without an event of the account's own
  }

  private every(milliseconds: number): void {
    const timer = setInterval(() => this.soon(), milliseconds);
    this.ends.push(() => clearInterval(timer));
  }

  private hear(text: string): void {
    const { op, topic } = JSON.parse(text) as { op: string; topic?: string };
    if (op === "pong") return;
    this.events.prepend(h("li", {}, h("time", {}, clock(Date.now(), true)), h("b", {}, topic ?? op), long(text)));
    while (this.events.childElementCount > EVENTS) this.events.lastElementChild!.remove();
    if (op === "event") this.soon();
  }

  /** Asks what stands, once for all that happens in a short while. */
  private soon(): void {
    if (!this.asked && !this.ended) {
      this.asked = window.setTimeout(() => {
        this.asked = 0;
        void this.refresh();
      }, 30);
    }
  }

  private async refresh(): Promise<void> {
    if (this.busy) {
      this.soon();
      return;
    }
    this.busy = true;
    try {
      const [orders, fills, balances, positions] = await Promise.all([
        get<Order[]>("/api/orders", this.key), get<Fill[]>("/api/fills", this.key),
        get<Balance[]>("/api/balances", this.key), get<Position[]>("/api/positions", this.key),
      ]);
      if (!this.ended) this.show(orders, fills, balances, positions);
    } catch (error) {
      this.say(words(error));
    } finally {
      this.busy = false;
    }
  }

  private show(orders: Order[], fills: Fill[], balances: Balance[], positions: Position[]): void {
    const here = this.shell.instrument;
    if (!this.amending || !orders.some((one) => one.id === this.amending)) {
      this.amending = 0;
      fill(this.orders.body, orders.reverse().map((one) => this.order(one)), "no open orders", 8);
    }
    fill(this.fills.body, fills.slice(-FILLS).reverse().map((one) => h("tr", {},
      h("td", { class: "dim" }, clock(one.at / 1000)), h("td", {}, one.instrument), side(one.side),
      number(price(this.shell, one.instrument, one.price)), number(short(one.size)), number(amount(one.fee), "", one.fee), h("td", {}, one.liquidity))),
    "no fills yet", 7);
    const first = [here.base, here.quote];
    const mine = balances.filter((one) => Number(one.total) !== 0 || first.includes(one.currency));
    mine.sort((one, other) => rank(first, one.currency) - rank(first, other.currency) || one.currency.localeCompare(other.currency));
    fill(this.balances.body, mine.map((one) => h("tr", { data: { currency: one.currency } }, h("th", { scope: "row" }, one.currency),
      ...[one.available, one.held, one.total].map((text) => number(amount(text), "", text)))), "no balances", 4);
    this.held.hidden = positions.length === 0 && here.kind === "spot";
    fill(this.positions.body, positions.map((one) => h("tr", {}, h("th", { scope: "row" }, one.instrument),
      number(short(one.size), one.size.startsWith("-") ? "ask" : "bid"),
      ...[one.entry_price, one.mark_price, one.liquidation_price].map((text) => number(price(this.shell, one.instrument, text))),
      number(`${one.leverage}× ${one.mode}`), number(amount(one.margin), "", one.margin),
      number(amount(one.unrealised_profit), one.unrealised_profit.startsWith("-") ? "ask" : "bid", one.unrealised_profit))), "no positions", 8);
  }

  private order(one: Order): HTMLTableRowElement {
    const amend = h("button", { type: "button", class: "small", aria: { label: `Amend order ${one.id}` } }, "Amend");
    const cancel = h("button", { type: "button", class: "small", aria: { label: `Cancel order ${one.id}` } }, "Cancel");
    const row = h("tr", { data: { order: String(one.id) } },
      h("td", {}, one.instrument), side(one.side), h("td", {}, kind(one)), number(price(this.shell, one.instrument, one.price)),
      number(short(one.size)), number(short(one.left)), h("td", {}, one.status.replaceAll("_", " ")),
      h("td", { class: "acts" }, amend, " ", cancel));
    cancel.addEventListener("click", () => void this.act(call("DELETE", `/api/orders/${one.id}`, undefined, this.key)));
    amend.addEventListener("click", () => this.amend(row, one));
    return row;
  }

  /** Turns an order's row into fields. It stays so, whatever happens elsewhere, until it is done with. */
  private amend(row: HTMLTableRowElement, one: Order): void {
    this.amending = one.id;
    const input = (label: string, value: string): HTMLInputElement =>
      h("input", { value: short(value), inputMode: "decimal", autocomplete: "off", aria: { label: `${label} of order ${one.id}` } });
    const [newPrice, newSize] = [input("New price", one.price), input("New size", one.size)];
    const save = h("button", { type: "button", class: "small", aria: { label: `Save order ${one.id}` } }, "Save");
    const leave = h("button", { type: "button", class: "small" }, "Leave");
    const done = (): void => {
      this.amending = 0;
      this.soon();
    };
    save.addEventListener("click", () => {
      const terms = { price: newPrice.value, size: newSize.value };
      void this.act(call("PATCH", `/api/orders/${one.id}`, terms, this.key)).then(done);
    });
    leave.addEventListener("click", done);
    row.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target instanceof HTMLInputElement) save.click();
      if (event.key === "Escape") done();
    });
    row.cells[3]!.replaceChildren(newPrice);
    row.cells[4]!.replaceChildren(newSize);
    row.cells[7]!.replaceChildren(save, " ", leave);
    newPrice.focus();
  }

  private async act(work: Promise<unknown>): Promise<void> {
    try {
      await work;
      this.say("");
    } catch (error) {
      this.say(words(error));
    }
    this.soon();
  }

  private say(text: string): void {
    this.said.className = text ? "said bad" : "said";
    setText(this.said, text);
  }
}

/** A message, opened by a click where it is long. */
function long(text: string): HTMLElement {
  if (text.length <= LONG) return h("code", {}, text);
  return h("details", {}, h("summary", {}, h("code", {}, `${text.slice(0, LONG)} …`)), h("code", {}, text.slice(LONG)));
}

function fill(body: HTMLTableSectionElement, rows: HTMLTableRowElement[], none: string, columns: number): void {
  body.replaceChildren(...(rows.length ? rows : [h("tr", {}, h("td", { class: "empty", colSpan: columns }, none))]));
}

/** `whole` is the number in full, where the text is not. */
function number(text: string, kind = "", whole = text): HTMLTableCellElement {
  return h("td", { class: `n ${kind}`, title: whole === text ? "" : whole }, text);
}

function side(text: string): HTMLTableCellElement {
  return h("td", { class: text === "buy" ? "bid" : "ask" }, text);
}

function kind(one: Order): string {
  const trigger = one.trigger === "none" ? "" : `${one.trigger.replaceAll("_", " ")} ${short(one.trigger_price)} `;
  return `${trigger}${one.type.replaceAll("_", " ")}${one.post_only ? ", post only" : ""} · ${one.time_in_force}`;
}

function price(shell: Shell, instrument: string, text: string): string {
  return Number(text) === 0 ? "–" : fixed(text, decimalsOf(shell.venue.instrument(instrument)?.tick ?? "0.01"));
}

/** Fewer decimals the larger the amount: 2 from a thousand on, 4 from one on, otherwise all. Digits are cut, not rounded. */
function amount(text: string): string {
  const shown = short(text);
  const [whole = "0", part = ""] = shown.replace("-", "").split(".");
  const kept = part.slice(0, Number(whole) >= 1000 ? 2 : Number(whole) >= 1 ? 4 : 8);
  return `${shown.startsWith("-") ? "−" : ""}${count(Number(whole))}${kept && `.${kept}`}`;
}

function rank(first: string[], currency: string): number {
  const place = first.indexOf(currency);
  return place < 0 ? first.length : place;
}
