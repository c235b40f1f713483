// Text of numbers and times. What comes from the wire is decimal text and stays text where it is shown.

/** "61000.5" with 2 decimals is "61,000.50". Digits that do not fit are cut off. */
export function fixed(text: string, decimals: number, grouped = true): string {
  const negative = text.startsWith("-");
  const [whole = "0", part = ""] = (negative ? text.slice(1) : text).split(".");
  const front = grouped ? whole.replace(/\B(?=(\d{3})+$)/g, ",") : whole;
  const back = decimals > 0 ? `.${part.slice(0, decimals).padEnd(decimals, "0")}` : "";
  return (negative ? "−" : "") + front + back;
}

/** "0.10000" has 1 decimal that counts: how many a price on that grid needs. */
export function decimalsOf(step: string): number {
  return (step.split(".")[1] ?? "").replace(/0+$/, "").length;
}

/** "1.50000000" is "1.5". */
export function short(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function compactly(value: number): string {
  return Number.isFinite(value) ? compact.format(value) : "–";
}

export function count(value: number): string {
  return whole.format(value);
}

const two = (value: number): string => String(value).padStart(2, "0");

/** "14:03:07" (UTC) of milliseconds, with "….123" where `fine`. */
export function clock(ms: number, fine = false): string {
  const at = new Date(ms);
  const text = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
  return fine ? `${text}.${String(at.getUTCMilliseconds()).padStart(3, "0")}` : text;
}

/** "14:03:07.123456" (UTC) of microseconds. */
export function fineClock(us: number): string {
  return clock(Math.floor(us / 1000), true) + String(us % 1000).padStart(3, "0");
}

export function span(seconds: number): string {
  const left = Math.max(0, Math.floor(seconds));
  return `${two(Math.floor(left / 3600))}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
}

export function microseconds(us: number): string {
  if (!Number.isFinite(us)) return "> 1 s";
  return us < 1000 ? `${us} µs` : us < 1_000_000 ? `${short((us / 1000).toFixed(1))} ms` : `${us / 1_000_000} s`;
}
