// The native API of the port that the page came from.

export interface Instrument {
  name: string;
  status: string;
  kind: "spot" | "perpetual";
  base: string;
  quote: string;
  tick: string;
  lot: string;
  min_size: string;
  symbols: Record<string, string>;
}

export interface DialectPort {
  name: string;
  port: number;
  tls_port: number;
}

export interface DemoUser {
  account: string;
  key: string;
  secret: string;
}

export interface Directory {
  version: string;
  demo: boolean;
  dialects: DialectPort[];
  users: DemoUser[];
}

export interface Order {
  id: number;
  client_id: string;
  instrument: string;
  side: string;
  type: string;
  time_in_force: string;
  post_only: boolean;
  price: string;
  size: string;
  left: string;
  filled: string;
  status: string;
  trigger: string;
  trigger_price: string;
  opened_at: number;
}

export interface Fill {
  trade_id: number;
  order_id: number;
  instrument: string;
  side: string;
  price: string;
  size: string;
  value: string;
  fee: string;
  liquidity: string;
  at: number;
}

export interface Balance {
  currency: string;
  total: string;
  held: string;
  available: string;
}

export interface Position {
  instrument: string;
  size: string;
  entry_price: string;
  mark_price: string;
  liquidation_price: string;
  leverage: number;
  mode: string;
  margin: string;
  unrealised_profit: string;
  realised_profit: string;
}

export interface Flow {
  speed: number;
  paused: boolean;
  sources: number;
}

export interface Delivery {
  bounds_us: number[];
  counts: number[];
  sum_us: number;
}

export interface DialectState {
  name: string;
  connections: number;
  slow: number;
  frames: number;
  healed: number;
  refused: Record<string, number>;
  closes: { code: number; reason: string; count: number }[];
  channels: { channel: string; feeds: number; subscriptions: number }[];
  delivery: Delivery;
}

export interface GatewayState {
  time: number;
  seq: number;
  ts: number;
  dialects: DialectState[];
}

export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: (string | number)[];
  anyOf?: Schema[];
  default?: unknown;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
}

export interface OpenApi {
  paths: Record<string, Record<string, { summary: string; requestBody?: { content: Record<string, { schema: Schema }> } }>>;
  components: { schemas: Record<string, Schema> };
}

/** Why a call was not answered, in the server's words. */
export class CallFailed extends Error {}

/** Where the operator's token is kept: until the tab is closed. */
const TOKEN = "polyfeed.token";

/** Said to the window when the server wants the operator's token, or another one. */
export const TOKEN_WANTED = "tokenwanted";

export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN, token);
}

/** Whose call it is: the key's ("id:secret"), or else the operator's, where it has given a token. */
function authorization(key: string): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN);
  if (key) return { authorization: `Basic ${btoa(key)}` };
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** An answer that is not an error. Throws CallFailed, TypeError where nobody answers. */
export async function ask(path: string, options: RequestInit = {}, key = ""): Promise<Response> {
  const headers = { ...authorization(key), ...(options.body ? { "content-type": "application/json" } : {}) };
  const answer = await fetch(path, { ...options, headers, credentials: "omit" });
  if (answer.ok) return answer;
  if (answer.status === 401 && !key) dispatchEvent(new Event(TOKEN_WANTED));
  const { error } = (await answer.json()) as { error?: string };
  throw new CallFailed(error ?? `${answer.status}`);
}

/** A call with its decoded answer; `key` is whose it is. Throws as `ask` does. */
export async function call<T>(method: string, path: string, body?: unknown, key = ""): Promise<T> {
  const answer = await ask(path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }, key);
  return (await answer.json()) as T;
}

export const get = <T>(path: string, key = ""): Promise<T> => call<T>("GET", path, undefined, key);

/** What went wrong, for people. */
export function words(error: unknown): string {
  if (error instanceof CallFailed) return error.message;
  return error instanceof TypeError ? "the server does not answer" : String(error);
}
