// Server-sent events, with the operator's token: a browser's own EventSource sends no such header.

import { ask, words } from "./api";
import type { LinkState } from "./socket";

const AGAIN_MS = 1_000;

interface Reader<T> {
  line: (line: T) => void;
  state: (state: LinkState, why: string) => void;
}

/** Hears a stream, again when it has ended, until it is aborted. */
export function follow<T>(path: string, reader: Reader<T>): AbortController {
  const end = new AbortController();
  void (async () => {
    while (!end.signal.aborted) {
      try {
        await hear(await ask(path, { signal: end.signal }), reader);
        reader.state("down", "the stream of batches has ended");
      } catch (error) {
        if (!end.signal.aborted) reader.state("down", words(error));
      }
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  })();
  return end;
}

async function hear<T>(answer: Response, reader: Reader<T>): Promise<void> {
  reader.state("live", "");
  const stream = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await stream.read();
    if (done) return;
    const events = (text + value).split("\n\n");
    text = events.pop()!;
    for (const event of events) if (event.startsWith("data: ")) reader.line(JSON.parse(event.slice(6)) as T);
  }
}
