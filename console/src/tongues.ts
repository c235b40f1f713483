// Tongues: one batch, five wires. Every frame is shown as it came on its dialect's own socket.

import { get, words, type Instrument } from "./api";
import { choice, h, painter, panel, Scope, setText } from "./dom";
import { clock, fineClock, fixed, decimalsOf, short } from "./format";
import type { Shell } from "./shell";
import { follow } from "./follow";
import { Link, type LinkState } from "./socket";
import { tongue, TITLES, type Tongue, type Wanted } from "./tongues-clients";
import { Matcher, type BatchLine, type Spoken } from "./wire";

const ROWS = 30;
/** Characters of a frame that is shown whole. */
const LONG = 800;

interface Said {
  text: string;
  mark: number;
  /** How often the same was said. */
  times: number;
}

/** A batch with the frames that were made of it, or (without a batch) frames for this page's connections alone. */
interface Row {
  line: BatchLine | undefined;
  at: number;
  frames: Map<string, Said[]>;
  changed: boolean;
  element: HTMLElement | undefined;
}

export function tonguesView(shell: Shell, root: HTMLElement): void {
  const place = h("div", { class: "tongues" });
  let inner: Scope | undefined;
  const start = (wanted: Wanted): void => {
    inner?.end();
    place.replaceChildren();
    inner = new Scope();
    listen(shell, inner, place, wanted);
  };
  shell.scope.add(() => inner?.end());
  root.append(
    h("div", { class: "bar" },
      h("h1", {}, `One trade, five wires: ${shell.instrument.name}`),
      choice("What is heard", [["trades", "Trades"], ["book", "Book"], ["both", "Both"]], "trades",
        (value) => start(value as Wanted))),
    h("p", { class: "lead" },
      "Each row is one decision of the venue; its cells are the raw frames that came of it on each exchange's own socket, newest first."),
    place,
  );
  start("trades");
}

function listen(shell: Shell, scope: Scope, root: HTMLElement, wanted: Wanted): void {
  const { venue, instrument } = shell;
  const dialects = venue.directory.dialects.map((one) => one.name);
  const known = dialects.map((name) => tongue(venue, instrument, name, wanted));
  const wire = new Wire(instrument, dialects, known);
  const states = new Map<string, [LinkState, string]>();
  const matcher = new Matcher({
    of: (line, frame, mark) => wire.of(line, frame, mark),
    alone: (frame) => wire.alone(frame),
  });

  const report = (name: string, state: LinkState, why: string): void => {
    states.set(name, [state, why]);
    wire.state(name, state, why);
    const worst = [...states].find(([, [one]]) => one === "down" || one === "stale") ?? [...states].find(([, [one]]) => one === "connecting");
    if (worst) shell.link(worst[1][0], `${TITLES[worst[0]] ?? worst[0]}: ${worst[1][1]}`);
    else shell.link("live", "");
  };

  for (const one of known) {
    if (!one) continue;
    const link = new Link({
      url: () => one.url,
      ...(one.protocol ? { protocols: async () => [one.protocol!(await token(shell, one.dialect))] } : {}),
      opened: (send) => one.says.forEach((text) => send(text)),
      message: (text) => matcher.frame({ dialect: one.dialect, text, at: performance.now() }),
      state: (state, why) => report(one.dialect, state, why),
    });
    scope.add(() => link.end());
  }

  const batches = follow<BatchLine>(`/api/wire?instrument=${encodeURIComponent(instrument.name)}`, {
    line: (line) => matcher.line(line, performance.now()),
    state: (state, why) => report("batches", state, why),
  });
  scope.add(() => batches.abort());
  scope.every(250, () => matcher.sweep(performance.now()));
  root.append(wire.element, code(known.filter((one) => one !== undefined)));
}

async function token(shell: Shell, dialect: string): Promise<string> {
  let account = shell.venue.directory.users[0]?.account;
  if (account === undefined) {
    const all = await get<{ name: string; house: boolean }[]>("/api/accounts");
    account = all.find((one) => !one.house)?.name;
  }
  if (account === undefined) throw new Error("there is no account to log in with: polyfeed account create NAME");
  return shell.venue.token(dialect, account);
}

class Wire {
  readonly element: HTMLElement;
  private readonly rows: Row[] = [];
  private readonly list = h("div", { class: "rows" });
  private readonly heads = new Map<string, HTMLElement>();
  private readonly paint = painter(() => this.draw());
  private held = false;

  constructor(private readonly instrument: Instrument, private readonly dialects: string[], known: (Tongue | undefined)[]) {
    const heads = dialects.map((name, number) => {
      const state = h("small", {}, known[number] ? "connecting" : "not listed here");
      this.heads.set(name, state);
      return h("div", { class: `head ${name}` }, h("strong", {}, TITLES[name] ?? name),
        h("code", {}, known[number]?.symbol ?? "–"), state);
    });
    const hold = h("button", { type: "button", aria: { pressed: "false" } }, "Hold still");
    hold.addEventListener("click", () => {
      this.held = !this.held;
      hold.setAttribute("aria-pressed", String(this.held));
      setText(hold, this.held ? "Go on" : "Hold still");
      this.paint();
    });
    this.element = panel("Frames by batch", "wire", [hold],
      h("div", { class: "grid heads" }, h("div", { class: "head" }, h("strong", {}, "Batch")), ...heads),
      h("div", { class: "scroll tall", tabIndex: 0, role: "group", aria: { label: "Frames by batch, newest first" } }, this.list));
  }

  state(name: string, state: LinkState, why: string): void {
    const head = this.heads.get(name);
    if (head) setText(head, state === "live" ? "live" : why ? `${state}: ${why}` : state);
  }

  of(line: BatchLine, frame: Spoken, mark: number): void {
    let row = this.rows.find((one) => one.line?.seq === line.seq && one.line.epoch === line.epoch);
    if (!row) {
      row = { line, at: frame.at, frames: new Map(), changed: true, element: undefined };
      this.insert(row, (one) => (one.line && one.line.epoch === line.epoch ? one.line.seq < line.seq : one.at <= frame.at));
    }
    this.say(row, frame, mark);
  }

  alone(frame: Spoken): void {
    let row = this.rows.find((one) => one.at <= frame.at);
    if (!row || row.line) {
      row = { line: undefined, at: frame.at, frames: new Map(), changed: true, element: undefined };
      this.insert(row, (one) => one.at <= frame.at);
    }
    this.say(row, frame, 0);
  }

  /** Puts a row above the first one that is older. */
  private insert(row: Row, older: (one: Row) => boolean): void {
    const place = this.rows.findIndex(older);
    this.rows.splice(place < 0 ? this.rows.length : place, 0, row);
  }

  private say(row: Row, frame: Spoken, mark: number): void {
    const all = row.frames.get(frame.dialect) ?? [];
    const same = row.line ? undefined : all.find((one) => one.text === frame.text);
    if (same) same.times += 1;
    else all.push({ text: frame.text, mark, times: 1 });
    row.frames.set(frame.dialect, all);
    row.changed = true;
    for (const old of this.rows.splice(this.held ? 10 * ROWS : ROWS)) old.element?.remove();
    this.paint();
  }

  private draw(): void {
    if (this.held) return;
    for (const gone of this.rows.splice(ROWS)) gone.element?.remove();
    let next: Element | null = this.list.firstElementChild;
    for (const row of this.rows) {
      const before = row.element;
      if (!before || row.changed) {
        row.element = this.render(row);
        row.changed = false;
        if (before) {
          if (next === before) next = before.nextElementSibling;
          before.remove();
        }
        this.list.insertBefore(row.element, next);
      } else if (next === before) {
        next = before.nextElementSibling;
      } else {
        this.list.insertBefore(before, next);
      }
    }
  }

  private render(row: Row): HTMLElement {
    return h("article", { class: row.line ? "grid row" : "grid row alone", data: row.line ? { seq: String(row.line.seq) } : {} },
      h("div", { class: "what" }, ...this.what(row)),
      ...this.dialects.map((name) => {
        const all = row.frames.get(name) ?? [];
        return h("div", { class: `said ${name}`, data: { dialect: name } },
          h("b", { class: "who" }, TITLES[name] ?? name),
          ...all.map((one) => said(one)));
      }));
  }

  private what({ line, at }: Row): HTMLElement[] {
    if (!line) {
      const ms = performance.timeOrigin + at;
      return [h("strong", {}, "of no batch"), h("span", {}, clock(ms, true)), h("small", {}, "for this connection alone: replies, snapshots, heartbeats")];
    }
    const trades = line.events.filter((one) => one.event === "trade");
    const others = line.events.length - trades.length;
    const decimals = decimalsOf(this.instrument.tick);
    return [
      h("strong", { title: `epoch ${line.epoch}, batch ${line.seq}` }, `#${line.seq}`),
      h("span", {}, fineClock(line.ts)),
      ...trades.slice(0, 4).map((one) => h("span", { class: one.side === "buy" ? "bid" : "ask" },
        `${one.side} ${short(one.size ?? "")} @ ${fixed(one.price ?? "0", decimals)}`)),
      ...(trades.length > 4 ? [h("small", {}, `and ${trades.length - 4} more trades`)] : []),
      ...(others > 0 ? [h("small", {}, `${trades.length ? "+ " : ""}${summary(line)}`)] : []),
    ];
  }
}

/** A frame as it was sent; a very long one is opened by a click. */
function said({ text, mark, times }: Said): HTMLElement {
  const notes = [mark > 0 && h("em", {}, ` at the mark ${fineClock(mark)}`), times > 1 && h("em", {}, ` × ${times}`)];
  if (text.length <= LONG) return h("pre", {}, text, ...notes);
  const begin = `${text.slice(0, LONG / 4)} … (${text.length} characters)`;
  return h("details", {}, h("summary", {}, h("code", {}, begin), ...notes), h("pre", {}, text));
}

/** "order opened, 2 level set": what else the batch held. */
function summary(line: BatchLine): string {
  const counts = new Map<string, number>();
  for (const { event } of line.events) if (event !== "trade") counts.set(event, (counts.get(event) ?? 0) + 1);
  return [...counts].map(([event, count]) => `${count > 1 ? `${count} ` : ""}${event.replaceAll("_", " ")}`).join(", ");
}

function code(known: Tongue[]): HTMLElement {
  let language: "python" | "javascript" = "python";
  let chosen = known[0];
  const text = h("code", {});
  const pre = h("pre", { class: "source", tabIndex: 0, role: "group", aria: { label: "Client code" } }, text);
  const copy = h("button", { type: "button" }, "Copy");
  const said = h("span", { class: "dim", role: "status" });
  const show = (): void => {
    text.textContent = chosen?.[language] ?? "";
    said.textContent = "";
  };
  copy.addEventListener("click", () => {
    navigator.clipboard.writeText(text.textContent ?? "").then(
      () => (said.textContent = "copied"),
      (error: unknown) => (said.textContent = words(error)),
    );
  });
  show();
  return panel("The client that receives this", "code", [
    choice("Exchange", known.map((one) => [one.dialect, one.title]), chosen?.dialect ?? "", (value) => {
      chosen = known.find((one) => one.dialect === value);
      show();
    }),
    choice("Language", [["python", "Python"], ["javascript", "JavaScript"]], language, (value) => {
      language = value as "python" | "javascript";
      show();
    }),
    copy, said,
  ], pre);
}
