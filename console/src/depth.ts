// The depth chart: how much could be bought or sold up to each price.

import type { Book, Level } from "./book";
import { h } from "./dom";
import { compactly, fixed } from "./format";
import { colour } from "./theme";

export class DepthChart {
  readonly element: HTMLCanvasElement;
  private readonly sizes: ResizeObserver;
  private colours = new Map<string, string>();
  private width = 0;
  private height = 0;

  constructor(name: string, private readonly decimals: number, redraw: () => void) {
    this.element = h("canvas", { class: "depth-chart", role: "img", aria: { label: `Depth of ${name}` } });
    this.sizes = new ResizeObserver(([entry]) => {
      const scale = devicePixelRatio || 1;
      this.width = entry!.contentRect.width;
      this.height = entry!.contentRect.height;
      this.element.width = Math.round(this.width * scale);
      this.element.height = Math.round(this.height * scale);
      redraw();
    });
    this.sizes.observe(this.element);
    this.paint();
  }

  paint(): void {
    const names = ["bid", "ask", "bid-soft", "ask-soft", "dim", "line"];
    this.colours = new Map(names.map((name) => [name, colour(name)]));
  }

  end(): void {
    this.sizes.disconnect();
  }

  show(book: Book): void {
    const context = this.element.getContext("2d");
    const [bid, ask] = [book.bids[0], book.asks[0]];
    if (!context || !bid || !ask || this.width < 40) return;
    const { width, height } = this;
    const scale = devicePixelRatio || 1;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const middle = (bid.value + ask.value) / 2;
    const far = Math.min(middle - book.bids.at(-1)!.value, book.asks.at(-1)!.value - middle) || middle / 1000;
    const bids = sums(book.bids.filter((one) => one.value >= middle - far));
    const asks = sums(book.asks.filter((one) => one.value <= middle + far));
    const most = Math.max(bids.at(-1)?.[1] ?? 0, asks.at(-1)?.[1] ?? 0) || 1;
    const bottom = height - 18;
    const x = (price: number): number => ((price - middle + far) / (2 * far)) * width;
    const y = (sum: number): number => bottom - (sum / most) * (bottom - 14);
    this.line(context, "line", x(middle), bottom);
    this.area(context, bids, "bid", x, y, bottom, 0);
    this.area(context, asks, "ask", x, y, bottom, width);
    context.fillStyle = this.colours.get("dim")!;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "alphabetic";
    const label = (price: number): string => fixed(price.toFixed(this.decimals), this.decimals);
    context.textAlign = "left";
    context.fillText(label(middle - far), 4, height - 4);
    context.fillText(compactly(most), 4, 12);
    context.textAlign = "center";
    context.fillText(label(middle), width / 2, height - 4);
    context.textAlign = "right";
    context.fillText(label(middle + far), width - 4, height - 4);
  }

  private line(context: CanvasRenderingContext2D, name: string, x: number, bottom: number): void {
    context.strokeStyle = this.colours.get(name)!;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(Math.round(x) + 0.5, 0);
    context.lineTo(Math.round(x) + 0.5, bottom);
    context.stroke();
  }

  private area(
    context: CanvasRenderingContext2D, points: [number, number][], name: string,
    x: (price: number) => number, y: (sum: number) => number, bottom: number, edge: number,
  ): void {
    const first = points[0];
    if (!first) return;
    context.beginPath();
    context.moveTo(x(first[0]), bottom);
    let height = bottom;
    for (const [price, sum] of points) {
      context.lineTo(x(price), height);
      height = y(sum);
      context.lineTo(x(price), height);
    }
    context.lineTo(edge, height);
    context.strokeStyle = this.colours.get(name)!;
    context.lineWidth = 1.5;
    context.stroke();
    context.lineTo(edge, bottom);
    context.closePath();
    context.fillStyle = this.colours.get(`${name}-soft`)!;
    context.fill();
  }
}

function sums(levels: readonly Level[]): [number, number][] {
  let sum = 0;
  return levels.map((level) => [level.value, (sum += level.amount)]);
}
