// Candles with volume, drawn by TradingView's lightweight-charts. Its attribution stands at the foot of the page.

import {
  CandlestickSeries, ColorType, CrosshairMode, HistogramSeries, createChart,
  type IChartApi, type ISeriesApi, type UTCTimestamp,
} from "lightweight-charts";
import type { Candle, Trade } from "./stream";
import { colour } from "./theme";

interface Bar {
  time: UTCTimestamp;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
}

export class Chart {
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<"Candlestick">;
  private readonly volumes: ISeriesApi<"Histogram">;
  private bars: Bar[] = [];
  private changed = 0;

  constructor(element: HTMLElement, decimals: number) {
    this.chart = createChart(element, {
      autoSize: true,
      layout: { attributionLogo: false },
      crosshair: { mode: CrosshairMode.Normal },
      timeScale: { timeVisible: true, rightOffset: 4, barSpacing: 9 },
      rightPriceScale: { borderVisible: false },
    });
    const priceFormat = { type: "price" as const, precision: decimals, minMove: 10 ** -decimals };
    this.candles = this.chart.addSeries(CandlestickSeries, { priceFormat });
    this.volumes = this.chart.addSeries(HistogramSeries, {
      priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false,
    });
    this.candles.priceScale().applyOptions({ scaleMargins: { top: 0.06, bottom: 0.24 } });
    this.volumes.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.paint();
  }

  /** Takes the page's colours over. */
  paint(): void {
    const [up, down, line, text] = [colour("bid"), colour("ask"), colour("line"), colour("dim")];
    this.chart.applyOptions({
      layout: { background: { type: ColorType.Solid, color: colour("panel") }, textColor: text, fontSize: 11 },
      grid: { vertLines: { color: line }, horzLines: { color: line } },
      timeScale: { borderColor: line },
    });
    this.candles.applyOptions({
      upColor: up, borderUpColor: up, wickUpColor: up, downColor: down, borderDownColor: down, wickDownColor: down,
    });
    this.volumes.setData(this.bars.map((bar) => this.volume(bar)));
  }

  /** All candles, oldest first. */
  fill(candles: Candle[]): void {
    this.bars = candles.map(bar);
    this.candles.setData(this.bars);
    this.volumes.setData(this.bars.map((one) => this.volume(one)));
    this.chart.timeScale().resetTimeScale();
    this.changed = this.bars.length;
  }

  /** The running candle, or the one that is just over, as the server has it. */
  update(candle: Candle): void {
    const made = bar(candle);
    const place = this.bars.findLastIndex((one) => one.time <= made.time);
    if (this.bars[place]?.time === made.time) this.bars[place] = made;
    else if (place === this.bars.length - 1) this.bars.push(made);
    else return;
    this.changed = Math.min(this.changed, Math.max(0, place));
  }

  /** Trades of the running candle; those of a later one wait for it. */
  trade(trades: Trade[], seconds: number): void {
    const last = this.bars.at(-1);
    if (!last) return;
    for (const { p, v, T } of trades) {
      const at = Number(T) / 1000;
      if (at < last.time || at >= last.time + seconds) continue;
      last.close = Number(p);
      last.high = Math.max(last.high, last.close);
      last.low = Math.min(last.low, last.close);
      last.volume += Number(v);
    }
    this.changed = Math.min(this.changed, this.bars.length - 1);
  }

  /** Draws what has changed. */
  show(): void {
    for (const one of this.bars.slice(Math.max(0, this.changed, this.bars.length - 2))) {
      this.candles.update(one);
      this.volumes.update(this.volume(one));
    }
    this.changed = this.bars.length;
  }

  end(): void {
    this.chart.remove();
  }

  private volume(one: Bar): { time: UTCTimestamp; value: number; color: string } {
    return { time: one.time, value: one.volume, color: colour(one.close >= one.open ? "bid-soft" : "ask-soft") };
  }
}

function bar(candle: Candle): Bar {
  return {
    time: Math.floor(Number(candle.t) / 1000) as UTCTimestamp,
    open: Number(candle.o), high: Number(candle.h), low: Number(candle.l), close: Number(candle.c),
    volume: Number(candle.v),
  };
}
