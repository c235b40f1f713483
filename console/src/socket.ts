// A WebSocket that comes back by itself.

export type LinkState = "connecting" | "live" | "stale" | "down";

export interface LinkOptions {
  /** Asked for each time, because a token in it may have ended. */
  url: () => string | Promise<string>;
  protocols?: () => Promise<string[]>;
  opened: (send: (text: string) => void) => void;
  message: (text: string) => void;
  state?: (state: LinkState, why: string) => void;
  /** Sent when nothing was heard for a while; whatever comes back shows that the link lives. */
  ping?: () => string;
}

const QUIET_MS = 4_000;
const STALE_MS = 9_000;
const GIVE_UP_MS = 15_000;
const FIRST_MS = 400;
const LONGEST_MS = 8_000;

/** Connects, reconnects with growing pauses, and says when nothing was heard for too long. */
export class Link {
  state: LinkState = "connecting";
  heard = 0;
  private socket: WebSocket | undefined;
  private tries = 0;
  private timer = 0;
  private pulse = 0;
  private pinged = 0;
  private ended = false;
  private readonly wake = (): void => this.hurry();

  constructor(private readonly options: LinkOptions) {
    addEventListener("online", this.wake);
    document.addEventListener("visibilitychange", this.wake);
    this.pulse = window.setInterval(() => this.beat(), 1000);
    void this.connect();
  }

  send(text: string): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(text);
  }

  /** Begins anew at once: what was received cannot be trusted. */
  restart(): void {
    this.tries = 0;
    this.drop("the stream had a gap");
    this.again(0);
  }

  end(): void {
    this.ended = true;
    clearTimeout(this.timer);
    clearInterval(this.pulse);
    removeEventListener("online", this.wake);
    document.removeEventListener("visibilitychange", this.wake);
    this.forget();
  }

  private async connect(): Promise<void> {
    // Who has been connected stays "down" until it is so again: every try is no news.
    if (this.state !== "down") this.become("connecting", "");
    let socket: WebSocket;
    try {
      const [url, protocols] = await Promise.all([this.options.url(), this.options.protocols?.()]);
      if (this.ended) return;
      socket = new WebSocket(url, protocols ?? []);
    } catch (error) {
      this.become("down", String(error));
      this.again();
      return;
    }
    this.socket = socket;
    socket.onopen = () => {
      this.heard = performance.now();
      this.become("live", "");
      this.options.opened((text) => this.send(text));
    };
    socket.onmessage = (event: MessageEvent<string>) => {
      this.heard = performance.now();
      this.tries = 0;
      if (this.state !== "live") this.become("live", "");
      this.options.message(event.data);
    };
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.drop(event.reason || (event.code === 1006 ? "no connection" : `closed with ${event.code}`));
      this.again();
    };
  }

  private beat(): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const now = performance.now();
    const quiet = now - this.heard;
    if (this.options.ping === undefined) return;
    if (quiet > GIVE_UP_MS) {
      this.drop("nothing was heard");
      this.again();
    } else if (quiet > STALE_MS) {
      this.become("stale", `nothing heard for ${Math.round(quiet / 1000)} s`);
    }
    if (quiet > QUIET_MS && now - this.pinged > QUIET_MS) {
      this.pinged = now;
      this.send(this.options.ping());
    }
  }

  private drop(why: string): void {
    this.forget();
    this.become("down", why);
  }

  private forget(): void {
    const socket = this.socket;
    this.socket = undefined;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  private again(after = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.tries) * (0.75 + Math.random() / 2)): void {
    if (this.ended) return;
    this.tries += 1;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.connect(), after);
  }

  private hurry(): void {
    if (this.state === "down" && document.visibilityState === "visible") {
      this.tries = 0;
      this.again(0);
    }
  }

  private become(state: LinkState, why: string): void {
    this.state = state;
    this.options.state?.(state, why);
  }
}
