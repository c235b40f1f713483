// What every view is given.

import type { Instrument } from "./api";
import type { Scope } from "./dom";
import type { LinkState } from "./socket";
import type { Venue } from "./venue";

export interface Shell {
  venue: Venue;
  instrument: Instrument;
  scope: Scope;
  /** Shows at the top of the page how a view's data comes in. */
  link: (state: LinkState, why: string) => void;
}

export type View = (shell: Shell, root: HTMLElement) => void;
