// The page: which view is shown, of which instrument, and how its data comes in.

import { get, keepToken, TOKEN_WANTED, words, type Flow } from "./api";
import { field, h, Scope, setText } from "./dom";
import { marketView } from "./market";
import { operateView } from "./operate";
import type { View } from "./shell";
import type { LinkState } from "./socket";
import { startTheme } from "./theme";
import { tonguesView } from "./tongues";
import { tradeView } from "./trade";
import { Venue } from "./venue";

const VIEWS: Record<string, [title: string, view: View]> = {
  market: ["Market", marketView],
  tongues: ["Tongues", tonguesView],
  trade: ["Trade", tradeView],
  operate: ["Operate", operateView],
};
const STATES: Record<LinkState, string> = { connecting: "connecting", live: "live", stale: "stale", down: "reconnecting" };

const venue = new Venue();
const main = document.querySelector<HTMLElement>("#view")!;
const nav = document.querySelector<HTMLElement>("#views")!;
const pick = document.querySelector<HTMLSelectElement>("#instrument")!;
const chip = document.querySelector<HTMLElement>("#link")!;
const flowChip = document.querySelector<HTMLElement>("#flow")!;
let scope = new Scope();

/** "#/market/BTC-USD" */
function place(): [view: string, instrument: string] {
  const [, view = "", name = ""] = location.hash.split("/");
  const known = venue.instrument(decodeURIComponent(name)) ?? venue.instrument("BTC-USD") ?? venue.instruments[0];
  return [view in VIEWS ? view : "market", known?.name ?? ""];
}

function go(view: string, instrument: string): void {
  location.hash = `#/${view}/${encodeURIComponent(instrument)}`;
}

function link(state: LinkState, why: string): void {
  chip.className = `chip ${state}`;
  chip.title = why;
  setText(chip, STATES[state]);
  document.body.classList.toggle("old", state === "stale" || state === "down");
}

function show(): void {
  const [name, chosen] = place();
  const [title, view] = VIEWS[name]!;
  scope.end();
  scope = new Scope();
  main.replaceChildren();
  main.className = `view-${name}`;
  document.title = `${chosen} · ${title} · polyfeed`;
  pick.value = chosen;
  for (const one of nav.querySelectorAll("a")) {
    one.href = `#/${one.dataset["view"]}/${encodeURIComponent(chosen)}`;
    if (one.dataset["view"] === name) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
  }
  const instrument = venue.instrument(chosen);
  if (!instrument) {
    main.append(h("p", { class: "empty" }, "No market is listed. Start the server with --demo for demo markets."));
    link("live", "");
    return;
  }
  link("connecting", "");
  const own = scope;
  view({ venue, instrument, scope, link: (state, why) => own === scope && link(state, why) }, main);
}

function fillPicker(): void {
  const group = (label: string, kind: string): HTMLElement | false => {
    const names = venue.instruments.filter((one) => one.kind === kind).map((one) => h("option", {}, one.name));
    return names.length > 0 && h("optgroup", { label }, ...names);
  };
  pick.replaceChildren(...[group("Perpetuals", "perpetual"), group("Spot", "spot")].filter((one) => one !== false));
}

async function showFlow(): Promise<void> {
  const flow = await get<Flow>("/api/flow").catch(() => undefined);
  flowChip.hidden = !flow || (!flow.paused && flow.speed === 1);
  if (flow) setText(flowChip, flow.paused ? "flow paused" : `flow ${flow.speed} ×`);
}

function onKey(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input, select, textarea")) return;
  const view = Object.keys(VIEWS)[Number(event.key) - 1];
  if (view) go(view, place()[1]);
  else if (event.key === "/") pick.focus();
  else return;
  event.preventDefault();
}

/** Asks for the operator's token where the server wants one, once at a time. */
function tokenDialog(): void {
  const input = h("input", { name: "token", type: "password", required: true, autocomplete: "off" });
  const form = h("form", { class: "controls", method: "dialog" },
    h("h2", { id: "token-title" }, "This server wants the operator's token"),
    field("Token", input, "as in http.token; kept until this tab is closed"),
    h("div", { class: "buttons" }, h("button", { type: "submit", class: "primary bid" }, "Use it")));
  const dialog = h("dialog", { aria: { labelledby: "token-title" } }, form);
  form.addEventListener("submit", () => {
    keepToken(input.value);
    show();
  });
  document.body.append(dialog);
  addEventListener(TOKEN_WANTED, () => {
    if (dialog.open) return;
    input.value = "";
    dialog.showModal();
  });
}

async function start(): Promise<void> {
  startTheme(document.querySelector<HTMLButtonElement>("#theme")!);
  Object.entries(VIEWS).forEach(([name, [title]], number) =>
    nav.append(h("a", { data: { view: name }, aria: { keyshortcuts: String(number + 1) } }, title)));
  tokenDialog();
  for (let tries = 0; ; tries++) {
    try {
      await venue.load();
      break;
    } catch (error) {
      link("down", words(error));
      await new Promise((done) => setTimeout(done, Math.min(5000, 500 * 2 ** tries)));
    }
  }
  fillPicker();
  pick.addEventListener("change", () => {
    go(place()[0], pick.value);
    main.focus();
  });
  addEventListener("hashchange", show);
  addEventListener("keydown", onKey);
  addEventListener("flow", () => void showFlow());
  setInterval(() => void showFlow(), 5000);
  void showFlow();
  show();
}

void start();
