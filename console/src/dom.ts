// Making elements, and changing them at most once a frame.

export type Child = Node | string | null | false;
type Props<K extends keyof HTMLElementTagNameMap> = {
  [P in keyof HTMLElementTagNameMap[K]]?: HTMLElementTagNameMap[K][P];
} & { class?: string; data?: Record<string, string>; aria?: Record<string, string>; role?: string };

/** An element with properties and children: `h("button", { type: "button", onclick }, "Buy")`. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props<K> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  const { class: className, data, aria, role, ...rest } = props;
  if (className) element.className = className;
  if (role) element.setAttribute("role", role);
  for (const [name, value] of Object.entries(data ?? {})) element.dataset[name] = value;
  for (const [name, value] of Object.entries(aria ?? {})) element.setAttribute(`aria-${name}`, value);
  Object.assign(element, rest);
  append(element, children);
  return element;
}

export function append(parent: Element, children: Child[]): void {
  for (const child of children) if (child !== null && child !== false) parent.append(child);
}

/** Changes a text only when it differs: the rest of the page need not be looked at. */
export function setText(element: Element, text: string): void {
  const node = element.firstChild;
  if (node instanceof Text) {
    if (node.data !== text) node.data = text;
  } else {
    element.textContent = text;
  }
}

export function setClass(element: Element, name: string): void {
  if (element.className !== name) element.className = name;
}

/** A panel with a heading. `extra` stands beside the heading. */
export function panel(title: string, name: string, extra: Child[], ...children: Child[]): HTMLElement {
  const id = `panel-${name}`;
  return h("section", { class: `panel ${name}`, aria: { labelledby: id } },
    h("header", {}, h("h2", { id }, title), ...extra), ...children);
}

/** A table's head and an empty body. Columns that begin with ">" hold numbers. */
export function table(caption: string, columns: string[]): { table: HTMLTableElement; body: HTMLTableSectionElement } {
  const body = h("tbody");
  const cells = columns.map((name) =>
    h("th", { scope: "col", class: name.startsWith(">") ? "n" : "" }, name.replace(/^>/, "")));
  return {
    table: h("table", {}, h("caption", { class: "hidden" }, caption), h("thead", {}, h("tr", {}, ...cells)), body),
    body,
  };
}

let fields = 0;

/** A label above a field, and a hint below it. */
export function field(label: string, input: HTMLElement, hint = ""): HTMLElement {
  input.id = `field-${++fields}`;
  if (hint) input.setAttribute("aria-describedby", `${input.id}-hint`);
  return h("div", { class: "field" }, h("label", { htmlFor: input.id }, label), input,
    hint !== "" && h("small", { id: `${input.id}-hint` }, hint));
}

export function select(options: [value: string, text: string][], chosen = ""): HTMLSelectElement {
  const made = h("select", {}, ...options.map(([value, text]) => h("option", { value }, text)));
  if (chosen) made.value = chosen;
  return made;
}

/** Buttons of which one is chosen. */
export function choice(
  label: string, options: [value: string, text: string][], chosen: string, on: (value: string) => void,
): HTMLElement {
  const group = h("div", { class: "choice", role: "group", aria: { label } });
  for (const [value, text] of options) {
    const button = h("button", { type: "button", data: { value }, aria: { pressed: String(value === chosen) } }, text);
    button.addEventListener("click", () => {
      for (const other of group.children) other.setAttribute("aria-pressed", String(other === button));
      on(value);
    });
    group.append(button);
  }
  return group;
}

/** Has `draw` called once, before the next frame is painted, however often the result is called. */
export function painter(draw: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}

/** What a view has to end when another one comes. */
export class Scope {
  private ends: (() => void)[] = [];
  ended = false;

  add(end: () => void): void {
    if (this.ended) end();
    else this.ends.push(end);
  }

  every(milliseconds: number, work: () => void): void {
    const timer = setInterval(work, milliseconds);
    this.add(() => clearInterval(timer));
  }

  end(): void {
    this.ended = true;
    for (const end of this.ends.splice(0).reverse()) end();
  }
}
