// The order ticket: every order type of the native API, with the fields that each one has.

import { call, words, type Instrument } from "./api";
import { choice, field, h, select, setText } from "./dom";
import { decimalsOf } from "./format";

const TYPES: [string, string][] = [
  ["limit", "Limit"], ["market", "Market"], ["instant", "Market, by amount to spend"], ["cash_sell", "Market, by amount to get"],
];
const TRIGGERS: [string, string][] = [
  ["none", "At once"], ["stop_loss", "Stop loss"], ["take_profit", "Take profit"],
  ["trailing_stop_loss", "Trailing stop loss"], ["trailing_take_profit", "Trailing take profit"],
];
const TIMES: [string, string][] = [
  ["gtc", "Until cancelled"], ["ioc", "Immediate or cancel"], ["fok", "Fill or kill"], ["day", "Day"], ["gtd", "Until a time"],
];
const SELF_TRADES: [string, string][] = [
  ["cancel_taker", "Cancel taker"], ["cancel_maker", "Cancel maker"], ["cancel_both", "Cancel both"], ["decrement", "Decrement"],
];

export class Ticket {
  readonly element: HTMLFormElement;
  private side: "buy" | "sell" = "buy";
  private readonly type = select(TYPES);
  private readonly trigger = select(TRIGGERS);
  private readonly time = select(TIMES);
  private readonly selfTrade = select(SELF_TRADES);
  private readonly price = decimal("price");
  private readonly size = decimal("size");
  private readonly amount = decimal("amount");
  private readonly triggerPrice = decimal("trigger_price");
  private readonly activation = decimal("activation_price");
  private readonly trailing = h("input", { name: "trailing_bps", type: "number", min: "1", max: "10000", value: "100" });
  private readonly expires = h("input", { name: "expire_at", type: "datetime-local", step: "1" });
  private readonly clientId = h("input", { name: "client_id", maxLength: 64, autocomplete: "off" });
  private readonly postOnly = h("input", { name: "post_only", type: "checkbox" });
  private readonly reduceOnly = h("input", { name: "reduce_only", type: "checkbox" });
  private readonly submit = h("button", { type: "submit" });
  private readonly said = h("p", { class: "said", role: "status" });
  private readonly parts = new Map<string, HTMLElement>();

  constructor(private readonly instrument: Instrument, private readonly key: () => string, private readonly placed: () => void) {
    const { base, quote } = instrument;
    const sides = choice("Side", [["buy", "Buy"], ["sell", "Sell"]], "buy", (side) => {
      this.side = side as "buy" | "sell";
      if (this.type.value === "instant" && side === "sell") this.type.value = "cash_sell";
      if (this.type.value === "cash_sell" && side === "buy") this.type.value = "instant";
      this.arrange();
    });
    sides.classList.add("sides");
    const part = (name: string, element: HTMLElement): HTMLElement => {
      this.parts.set(name, element);
      return element;
    };
    this.element = h("form", { class: "ticket", noValidate: true, aria: { label: "Order" } },
      sides,
      field("Type", this.type),
      field("When", this.trigger),
      part("trigger_price", field(`Trigger price (${quote})`, this.triggerPrice)),
      part("activation_price", field(`Activation price (${quote})`, this.activation, "optional")),
      part("trailing_bps", field("Trails by (basis points)", this.trailing)),
      part("size", field(`Size (${base})`, this.size, `at least ${trim(instrument.min_size)}`)),
      part("amount", field(`Amount (${quote})`, this.amount)),
      part("price", field(`Price (${quote})`, this.price, `steps of ${trim(instrument.tick)}`)),
      part("time_in_force", field("Holds", this.time)),
      part("expire_at", field("Until (your time)", this.expires)),
      h("div", { class: "checks" },
        part("post_only", h("label", {}, this.postOnly, " Post only")),
        part("reduce_only", h("label", {}, this.reduceOnly, " Reduce only"))),
      h("details", {}, h("summary", {}, "More"),
        field("Against own orders", this.selfTrade), field("Client id", this.clientId)),
      this.submit, this.said);
    for (const one of [this.type, this.trigger, this.time]) one.addEventListener("change", () => this.arrange());
    this.size.addEventListener("input", () => this.label());
    this.amount.addEventListener("input", () => this.label());
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.place();
    });
    this.size.value = example(instrument);
    this.arrange();
  }

  /** A price that was picked in the ladder. */
  take(price: string): void {
    if (this.type.value !== "limit") {
      this.type.value = "limit";
      this.arrange();
    }
    this.price.value = price;
    this.price.focus();
  }

  /** A first price, where none was given yet. */
  suggest(price: string): void {
    if (this.price.value === "") this.price.value = price;
  }

  private arrange(): void {
    const type = this.type.value;
    const trigger = this.trigger.value;
    const trailing = trigger.startsWith("trailing");
    const quoted = type === "instant" || type === "cash_sell";
    const shown: Record<string, boolean> = {
      trigger_price: trigger !== "none" && !trailing,
      activation_price: trailing,
      trailing_bps: trailing,
      size: !quoted,
      amount: quoted,
      price: type === "limit",
      time_in_force: type === "limit",
      expire_at: type === "limit" && this.time.value === "gtd",
      post_only: type === "limit",
      reduce_only: this.instrument.kind === "perpetual",
    };
    for (const [name, part] of this.parts) part.hidden = !shown[name];
    this.label();
  }

  private label(): void {
    const { base, quote } = this.instrument;
    const quoted = !this.parts.get("amount")!.hidden;
    const what = quoted ? `${this.amount.value || "…"} ${quote}` : `${this.size.value || "…"} ${base}`;
    const verb = this.side === "buy" ? "Buy" : "Sell";
    this.submit.className = `primary ${this.side === "buy" ? "bid" : "ask"}`;
    setText(this.submit, quoted ? `${verb} ${base} for ${what}` : `${verb} ${what}`);
  }

  private async place(): Promise<void> {
    const given = (name: string): boolean => !this.parts.get(name)!.hidden;
    const order: Record<string, unknown> = {
      instrument: this.instrument.name, side: this.side, type: this.type.value,
      trigger: this.trigger.value, self_trade: this.selfTrade.value,
    };
    if (given("size")) order["size"] = this.size.value.trim();
    if (given("amount")) order["amount"] = this.amount.value.trim();
    if (given("price")) order["price"] = this.price.value.trim();
    if (given("trigger_price")) order["trigger_price"] = this.triggerPrice.value.trim();
    if (given("activation_price")) order["activation_price"] = this.activation.value.trim();
    if (given("trailing_bps")) order["trailing_bps"] = Number(this.trailing.value);
    if (given("time_in_force")) order["time_in_force"] = this.time.value;
    if (given("expire_at")) order["expire_at"] = new Date(this.expires.value).getTime() * 1000 || 0;
    if (given("post_only")) order["post_only"] = this.postOnly.checked;
    if (given("reduce_only")) order["reduce_only"] = this.reduceOnly.checked;
    if (this.clientId.value) order["client_id"] = this.clientId.value;
    this.submit.disabled = true;
    try {
      const { order_id } = await call<{ order_id: number }>("POST", "/api/orders", order, this.key());
      this.say(`Order ${order_id} was taken.`, true);
      this.placed();
    } catch (error) {
      this.say(words(error), false);
    } finally {
      this.submit.disabled = false;
    }
  }

  private say(text: string, good: boolean): void {
    this.said.className = good ? "said good" : "said bad";
    setText(this.said, text);
  }
}

function decimal(name: string): HTMLInputElement {
  return h("input", { name, inputMode: "decimal", autocomplete: "off", spellcheck: false });
}

function trim(text: string): string {
  return text.replace(/\.?0+$/, "");
}

/** Fifty times the smallest size: enough to see, little enough to be harmless. */
function example(instrument: Instrument): string {
  const size = Number(instrument.min_size) * 50;
  return trim(size.toFixed(Math.max(decimalsOf(instrument.lot), 1)));
}
