// Faults on purpose: a form made from what the server's OpenAPI document says that `POST /api/faults` takes.

import { call, get, words, type OpenApi, type Schema } from "./api";
import { field, h, panel, select, setText, type Scope } from "./dom";

const PATH = "/api/faults";

export function faultsPanel(api: OpenApi, scope: Scope): HTMLElement {
  const post = api.paths[PATH]!["post"]!;
  const schema = resolve(api, post.requestBody?.content["application/json"]?.schema ?? {});
  const inputs = Object.entries(schema.properties ?? {}).map(([name, one]) => new Input(api, name, one));
  const said = h("p", { class: "said", role: "status" });
  const list = h("pre", { class: "source", hidden: true });
  const form = h("form", { class: "controls" },
    ...inputs.map((one) => field(one.name.replaceAll("_", " "), one.element, one.hint)),
    h("button", { type: "submit" }, "Inject"), said, list);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = inputs.map((one) => [one.name, one.value()] as const).filter(([, value]) => value !== undefined);
    call<unknown>("POST", PATH, Object.fromEntries(given)).then((answer) => {
      said.className = "said good";
      setText(said, JSON.stringify(answer));
      void show();
    }, (error: unknown) => {
      said.className = "said bad";
      setText(said, words(error));
    });
  });
  const show = async (): Promise<void> => {
    if (!api.paths[PATH]!["get"]) return;
    const now = await get<unknown>(PATH).catch(() => undefined);
    if (now === undefined) return;
    list.hidden = false;
    setText(list, JSON.stringify(now, null, 1));
  };
  void show();
  scope.every(3000, () => void show());
  return panel("Faults on purpose", "faults", [], form);
}

function resolve(api: OpenApi, schema: Schema): Schema {
  const name = schema.$ref?.split("/").at(-1);
  return name === undefined ? schema : { ...api.components.schemas[name], ...schema };
}

class Input {
  readonly element: HTMLInputElement | HTMLSelectElement;
  readonly hint: string;
  private readonly numeric: boolean;

  constructor(api: OpenApi, readonly name: string, given: Schema) {
    const schema = resolve(api, given.anyOf?.find((one) => one.type !== "null") ?? given);
    this.hint = given.description ?? schema.description ?? "";
    this.numeric = schema.type === "integer" || schema.type === "number";
    const first = given.default === undefined || given.default === null ? "" : String(given.default);
    if (schema.enum) {
      const options = schema.enum.map((one): [string, string] => [String(one), String(one).replaceAll("_", " ")]);
      this.element = select(given.default === undefined ? options : [["", "default"], ...options], first);
    } else if (schema.type === "boolean") {
      this.element = h("input", { type: "checkbox", checked: given.default === true });
    } else {
      this.element = h("input", { type: this.numeric ? "number" : "text", value: first, autocomplete: "off" });
    }
  }

  /** Undefined where nothing was given. */
  value(): unknown {
    if (this.element.type === "checkbox") return (this.element as HTMLInputElement).checked;
    if (this.element.value === "") return undefined;
    return this.numeric ? Number(this.element.value) : this.element.value;
  }
}
