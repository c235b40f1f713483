// Light, dark, or as the system has it. Charts and canvases ask for the colours, which the style sheet defines.

type Theme = "auto" | "light" | "dark";

const KEY = "polyfeed.theme";
const NEXT: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Has `listener` called when colours change; returns what ends that. */
export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function chosen(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "auto";
}

function apply(button: HTMLButtonElement): void {
  const theme = chosen();
  const dark = theme === "dark" || (theme === "auto" && system.matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
  button.textContent = { auto: "Auto", light: "Light", dark: "Dark" }[theme];
  button.setAttribute("aria-label", `Colours: ${theme}. Change to ${NEXT[theme]}`);
  for (const listener of listeners) listener();
}

export function startTheme(button: HTMLButtonElement): void {
  button.addEventListener("click", () => {
    localStorage.setItem(KEY, NEXT[chosen()]);
    apply(button);
  });
  system.addEventListener("change", () => apply(button));
  apply(button);
}
