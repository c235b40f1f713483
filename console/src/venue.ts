// Where everything is: read once, and again when the server has been away.

import { call, get, type Directory, type Instrument } from "./api";

export class Venue {
  directory!: Directory;
  instruments: Instrument[] = [];

  async load(): Promise<void> {
    [this.directory, this.instruments] = await Promise.all([
      get<Directory>("/api/directory"), get<Instrument[]>("/api/instruments"),
    ]);
  }

  instrument(name: string): Instrument | undefined {
    return this.instruments.find((one) => one.name === name);
  }

  /** `ws://HOST:PORT` of a dialect, with TLS where the page has it; undefined where the dialect is off. */
  socket(dialect: string): string | undefined {
    return this.place(dialect, "ws");
  }

  rest(dialect: string): string | undefined {
    return this.place(dialect, "http");
  }

  /** A dialect's token for an account, whose name or number it is. */
  async token(dialect: string, account: string): Promise<string> {
    const path = `/api/accounts/${encodeURIComponent(account)}/tokens`;
    return (await call<{ token: string }>("POST", path, { dialect })).token;
  }

  private place(dialect: string, scheme: string): string | undefined {
    const found = this.directory.dialects.find((one) => one.name === dialect);
    if (!found) return undefined;
    const secure = location.protocol === "https:" && found.tls_port > 0;
    return `${scheme}${secure ? "s" : ""}://${location.hostname}:${secure ? found.tls_port : found.port}`;
  }
}
