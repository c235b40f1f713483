// An order book kept from Ekiden's `orderbook` topic: a snapshot, then deltas without a hole in their numbers.

export interface Level {
  price: string;
  value: number;
  size: string;
  amount: number;
}

export interface BookData {
  seq: number;
  a: [string, string][];
  b: [string, string][];
}

class Side {
  readonly levels: Level[] = [];

  /** `sign` is 1 for asks, whose best price is the lowest, -1 for bids. */
  constructor(private readonly sign: 1 | -1) {}

  set(price: string, size: string): void {
    const value = Number(price);
    const amount = Number(size);
    let low = 0;
    let high = this.levels.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.levels[middle]!.value - value) * this.sign < 0) low = middle + 1;
      else high = middle;
    }
    const there = this.levels[low]?.value === value;
    if (amount === 0) {
      if (there) this.levels.splice(low, 1);
    } else {
      this.levels.splice(low, there ? 1 : 0, { price, value, size, amount });
    }
  }
}

export class Book {
  private seq = 0;
  private askSide = new Side(1);
  private bidSide = new Side(-1);

  get asks(): readonly Level[] {
    return this.askSide.levels;
  }

  get bids(): readonly Level[] {
    return this.bidSide.levels;
  }

  /** Takes in a message; false where one was missed, and the book cannot be trusted any more. */
  apply(type: string, data: BookData): boolean {
    if (type === "snapshot") {
      this.askSide = new Side(1);
      this.bidSide = new Side(-1);
    } else if (data.seq !== this.seq + 1) {
      return false;
    }
    this.seq = data.seq;
    for (const [price, size] of data.a) this.askSide.set(price, size);
    for (const [price, size] of data.b) this.bidSide.set(price, size);
    return true;
  }
}
