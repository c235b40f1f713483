// Finds out of which batch each frame was made.
//
// The frames come on the dialects' own sockets and say nothing of batches. Beside them the operator's port says of each
// frame of the instrument's public feeds its batch, its length and its CRC-32. A frame with the same length and CRC on
// the same dialect is that one: the oldest that is not taken yet, as each socket keeps the order.

export interface Happened {
  event: string;
  side?: string;
  price?: string;
  size?: string;
}

export interface BatchLine {
  epoch: number;
  seq: number;
  ts: number;
  events: Happened[];
  frames: [dialect: string, channel: string, parameter: number, mark: number, bytes: number, crc: number][];
}

export interface Spoken {
  dialect: string;
  text: string;
  /** Milliseconds of the page's own time when it came. */
  at: number;
}

export interface Sink {
  /** The frame is one of this batch. `mark` is not 0 where it was said at a mark of time just before the batch. */
  of: (line: BatchLine, frame: Spoken, mark: number) => void;
  /** The frame is of no batch: a reply, a snapshot or a heartbeat for this connection alone. */
  alone: (frame: Spoken) => void;
}

const WAIT_MS = 1_500;
const FORGET_MS = 10_000;

interface Expected {
  line: BatchLine;
  mark: number;
  at: number;
}

export class Matcher {
  private expected = new Map<string, Expected[]>();
  private waiting: { key: string; frame: Spoken }[] = [];

  constructor(private readonly sink: Sink) {}

  /** A frame came on a dialect's socket. */
  frame(frame: Spoken): void {
    const bytes = encoder.encode(frame.text);
    const key = `${frame.dialect} ${bytes.length} ${crc32(bytes)}`;
    const found = this.expected.get(key)?.shift();
    if (found) this.sink.of(found.line, frame, found.mark);
    else this.waiting.push({ key, frame });
  }

  /** The server said what a batch came to. */
  line(line: BatchLine, now: number): void {
    for (const [dialect, , , mark, bytes, crc] of line.frames) {
      const key = `${dialect} ${bytes} ${crc}`;
      const place = this.waiting.findIndex((one) => one.key === key);
      if (place >= 0) {
        this.sink.of(line, this.waiting.splice(place, 1)[0]!.frame, mark);
      } else {
        const list = this.expected.get(key) ?? [];
        list.push({ line, mark, at: now });
        this.expected.set(key, list);
      }
    }
  }

  /** Gives up on what has waited too long. */
  sweep(now: number): void {
    while (this.waiting[0] && this.waiting[0].frame.at < now - WAIT_MS) this.sink.alone(this.waiting.shift()!.frame);
    for (const [key, list] of this.expected) {
      while (list[0] && list[0].at < now - FORGET_MS) list.shift();
      if (list.length === 0) this.expected.delete(key);
    }
  }
}

const encoder = new TextEncoder();

const TABLE = Uint32Array.from({ length: 256 }, (_, number) => {
  let value = number;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** CRC-32 as zlib has it. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
