// Operate: what the ports carry, the flow, the statuses, and faults on purpose where the server has them.

import { call, get, words, type Delivery, type Flow, type GatewayState, type Instrument, type OpenApi } from "./api";
import { field, h, panel, select, setClass, setText, table } from "./dom";
import { compactly, count, fineClock, microseconds } from "./format";
import { faultsPanel } from "./faults";
import type { Shell } from "./shell";
import { TITLES } from "./tongues-clients";

const WINDOW = 30;
const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 25, 100];
const STATUSES = ["online", "cancel_only", "post_only", "limit_only", "halted"];

export function operateView(shell: Shell, root: HTMLElement): void {
  const ports = new Ports(shell.venue.directory.dialects.map((one) => one.name));
  const flow = new FlowPanel();
  const statuses = new Statuses(shell);
  root.append(
    h("div", { class: "bar" }, h("h1", {}, "Operate"), ports.venue),
    h("div", { class: "operate" },
      panel("Ports", "ports", [], scroll("Ports", ports.table)),
      panel("Flow", "flow", [flow.chip], flow.element),
      panel("Statuses", "statuses", [], statuses.element),
      panel("Subscriptions", "subscriptions", [], scroll("Subscriptions", ports.channels)),
      panel("Limits and closes", "closes", [], scroll("Limits and closes", ports.closes))));

  let failures = 0;
  const poll = async (): Promise<void> => {
    try {
      const [state, now] = await Promise.all([get<GatewayState>("/api/gateway"), get<Flow>("/api/flow")]);
      if (shell.scope.ended) return;
      failures = 0;
      shell.link("live", "");
      ports.show(state);
      flow.show(now);
    } catch (error) {
      failures += 1;
      shell.link(failures > 2 ? "down" : "stale", words(error));
    }
  };
  void poll();
  shell.scope.every(1000, () => void poll());
  void more(shell, root.querySelector(".operate")!);
}

/** What only some servers have. */
async function more(shell: Shell, root: Element): Promise<void> {
  const api = await get<OpenApi>("/openapi.json").catch(() => undefined);
  if (!api || shell.scope.ended) return;
  if (api.paths["/api/faults"]?.["post"]) root.append(faultsPanel(api, shell.scope));
  if (api.paths["/api/journal"]?.["get"]) {
    const list = h("dl", { class: "facts" });
    const show = async (): Promise<void> => {
      const facts = await get<Record<string, unknown>>("/api/journal").catch(() => undefined);
      if (!facts) return;
      list.replaceChildren(...Object.entries(facts).map(([name, value]) =>
        h("div", {}, h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value)))));
    };
    root.append(panel("Journal", "journal", [], list));
    void show();
    shell.scope.every(2000, () => void show());
  }
}

function scroll(label: string, child: HTMLElement): HTMLElement {
  return h("div", { class: "scroll", tabIndex: 0, role: "group", aria: { label } }, child);
}

class Ports {
  readonly venue = h("span", { class: "dim" });
  readonly table: HTMLTableElement;
  readonly channels: HTMLElement;
  readonly closes: HTMLElement;
  private readonly rows = new Map<string, { cells: HTMLTableCellElement[]; line: SVGPolylineElement }>();
  private readonly channelBody: HTMLTableSectionElement;
  private readonly closeBody: HTMLTableSectionElement;
  private readonly past: GatewayState[] = [];

  constructor(names: string[]) {
    const made = table("What each port carries", ["Dialect", ">Connections", ">Subscriptions", ">Frames/s", "Last 30 s", ">p50", ">p99", ">Slow", ">Healed", ">Refused", ">Closed"]);
    this.table = made.table;
    for (const name of names) {
      const cells = Array.from({ length: 9 }, () => h("td", { class: "n" }, "–"));
      const { svg, line } = spark(`Frames per second of ${TITLES[name] ?? name}, last 30 s`);
      const row = h("tr", { data: { dialect: name } }, h("th", { scope: "row" }, TITLES[name] ?? name), ...cells.slice(0, 3), h("td", {}, svg), ...cells.slice(3));
      this.rows.set(name, { cells, line });
      made.body.append(row);
    }
    const channels = table("Subscriptions by channel", ["Dialect", "Channel", ">Feeds", ">Subscriptions"]);
    this.channels = channels.table;
    this.channelBody = channels.body;
    const closes = table("Connections that the server closed, and calls it refused", ["Dialect", "What", ">Count"]);
    this.closes = closes.table;
    this.closeBody = closes.body;
  }

  show(state: GatewayState): void {
    this.past.push(state);
    if (this.past.length > WINDOW + 1) this.past.shift();
    setText(this.venue, `batch ${count(state.seq)} at ${fineClock(state.ts)} UTC`);
    state.dialects.forEach((one, place) => {
      const row = this.rows.get(one.name);
      if (!row) return;
      const rates = this.past.slice(1).map((now, number) => rate(this.past[number]!, now, place));
      const first = this.past[0]!.dialects[place]!.delivery;
      const waited = one.delivery.counts.map((value, number) => value - first.counts[number]!);
      const refused = Object.values(one.refused).reduce((sum, value) => sum + value, 0);
      const texts = [
        count(one.connections), count(one.channels.reduce((sum, channel) => sum + channel.subscriptions, 0)),
        compactly(rates.at(-1) ?? 0), quantile(one.delivery, waited, 0.5), quantile(one.delivery, waited, 0.99),
        count(one.slow), count(one.healed), count(refused), count(one.closes.reduce((sum, close) => sum + close.count, 0)),
      ];
      texts.forEach((text, number) => setText(row.cells[number]!, text));
      setClass(row.cells[5]!, one.slow ? "n warn" : "n");
      const most = Math.max(1, ...rates);
      row.line.setAttribute("points", rates.map((value, number) => `${(number / WINDOW) * 100},${(20 - (value / most) * 18).toFixed(1)}`).join(" "));
    });
    rows(this.channelBody, state.dialects.flatMap((one) => one.channels.map((channel) =>
      [TITLES[one.name] ?? one.name, channel.channel, count(channel.feeds), count(channel.subscriptions)])), 2, "nobody has subscribed");
    rows(this.closeBody, state.dialects.flatMap((one) => [
      ...one.closes.map((close) => [TITLES[one.name] ?? one.name, `closed ${close.code} ${close.reason}`, count(close.count)]),
      ...Object.entries(one.refused).map(([status, number]) => [TITLES[one.name] ?? one.name, refusal(status), count(number)]),
    ]), 2, "nobody was closed or refused");
  }
}

function refusal(status: string): string {
  return status === "429" ? "refused with 429: over a limit" : `refused with ${status}`;
}

function rate(before: GatewayState, now: GatewayState, place: number): number {
  const seconds = (now.time - before.time) / 1e6;
  return seconds > 0 ? ((now.dialects[place]?.frames ?? 0) - (before.dialects[place]?.frames ?? 0)) / seconds : 0;
}

/** The bound below which this part of the deliveries took. */
function quantile(delivery: Delivery, counts: number[], part: number): string {
  const all = counts.reduce((sum, value) => sum + value, 0);
  if (all === 0) return "–";
  let sum = 0;
  const place = counts.findIndex((value) => (sum += value) >= all * part);
  const bound = delivery.bounds_us[place];
  return bound === undefined ? "> 1 s" : `≤ ${microseconds(bound)}`;
}

function rows(body: HTMLTableSectionElement, texts: string[][], firstNumber: number, none: string): void {
  if (texts.length === 0) texts = [[none]];
  while (body.rows.length > texts.length) body.deleteRow(-1);
  texts.forEach((cells, place) => {
    const row = body.rows[place] ?? body.insertRow();
    while (row.cells.length > cells.length) row.deleteCell(-1);
    cells.forEach((text, number) => {
      const cell = row.cells[number] ?? row.insertCell();
      setClass(cell, cells.length === 1 ? "empty" : number >= firstNumber ? "n" : "");
      cell.colSpan = cells.length === 1 ? 4 : 1;
      setText(cell, text);
    });
  });
}

function spark(label: string): { svg: SVGSVGElement; line: SVGPolylineElement } {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 100 20");
  svg.setAttribute("class", "spark");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  svg.setAttribute("preserveAspectRatio", "none");
  const line = document.createElementNS(space, "polyline");
  svg.append(line);
  return { svg, line };
}

class FlowPanel {
  readonly chip = h("span", { class: "chip" }, "–");
  readonly element: HTMLElement;
  private readonly pause = h("button", { type: "button" }, "Pause");
  private readonly steps: HTMLButtonElement[];
  private readonly speed = select(SPEEDS.map((one) => [String(one), `${one} ×`]), "1");
  private readonly said = h("p", { class: "said", role: "status" });
  private state: Flow = { speed: 1, paused: false, sources: 0 };

  constructor() {
    this.pause.addEventListener("click", () => void this.act("/api/flow", { paused: !this.state.paused }));
    this.steps = [100, 1000, 10_000].map((milliseconds) => {
      const button = h("button", { type: "button" }, milliseconds < 1000 ? `Step ${milliseconds} ms` : `Step ${milliseconds / 1000} s`);
      button.addEventListener("click", () => void this.act("/api/flow/step", { milliseconds }));
      return button;
    });
    this.speed.addEventListener("change", () => void this.act("/api/flow", { speed: Number(this.speed.value) }));
    this.element = h("div", { class: "controls" },
      h("div", { class: "buttons" }, this.pause, ...this.steps), field("Speed", this.speed), this.said);
  }

  show(flow: Flow): void {
    this.state = flow;
    setText(this.pause, flow.paused ? "Go on" : "Pause");
    for (const step of this.steps) step.disabled = !flow.paused;
    if (document.activeElement !== this.speed) {
      if (![...this.speed.options].some((one) => Number(one.value) === flow.speed)) {
        this.speed.append(h("option", { value: String(flow.speed) }, `${flow.speed} ×`));
      }
      this.speed.value = String(flow.speed);
    }
    setText(this.chip, flow.sources === 0 ? "no flow of its own" : flow.paused ? "paused" : `running at ${flow.speed} ×`);
    setClass(this.chip, flow.paused ? "chip warn" : "chip live");
  }

  private async act(path: string, body: unknown): Promise<void> {
    try {
      this.show(await call<Flow>("POST", path, body));
      setText(this.said, "");
      dispatchEvent(new Event("flow"));
    } catch (error) {
      this.said.className = "said bad";
      setText(this.said, words(error));
    }
  }
}

class Statuses {
  readonly element: HTMLElement;
  private readonly system = h("input", { name: "system", maxLength: 200, autocomplete: "off" });
  private readonly market: HTMLSelectElement;
  private readonly said = h("p", { class: "said", role: "status" });

  constructor(shell: Shell) {
    const { instrument } = shell;
    this.market = select(STATUSES.map((one) => [one, one.replaceAll("_", " ")]), instrument.status);
    const setSystem = h("button", { type: "button" }, "Tell all clients");
    setSystem.addEventListener("click", () => void this.act(
      () => call("PUT", "/api/system/status", { status: this.system.value }), `All clients were told “${this.system.value}”.`));
    const setMarket = h("button", { type: "button" }, "Set");
    setMarket.addEventListener("click", () => void this.act(async () => {
      const path = `/api/instruments/${encodeURIComponent(instrument.name)}/status`;
      const now = await call<Instrument>("PUT", path, { status: this.market.value });
      instrument.status = now.status;
    }, `${instrument.name} is ${this.market.value.replaceAll("_", " ")}.`));
    this.element = h("div", { class: "controls" },
      h("div", { class: "pair" }, field("The venue's status", this.system), setSystem),
      h("div", { class: "pair" }, field(`Status of ${instrument.name}`, this.market), setMarket),
      this.said);
    void get<{ status: string }>("/api/system/status").then(({ status }) => (this.system.value = status), () => undefined);
    void get<Instrument[]>("/api/instruments").then((all) => {
      const now = all.find((one) => one.name === instrument.name);
      if (now) this.market.value = now.status;
    }, () => undefined);
  }

  private async act(work: () => Promise<unknown>, done: string): Promise<void> {
    try {
      await work();
      this.said.className = "said good";
      setText(this.said, done);
    } catch (error) {
      this.said.className = "said bad";
      setText(this.said, words(error));
    }
  }
}
