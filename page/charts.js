import { make, setText } from './dom.js';
import { timeOfDay } from './format.js';
import { length } from './history.js';
import uPlot from './vendor/uplot.js';

/**
 * @typedef {object} Line
 * @property {string} label
 * @property {readonly (number | null)[]} values
 *
 * @typedef {object} ChartParts
 * @property {HTMLElement} place
 * @property {HTMLElement} legend
 * @property {(value: number) => string} format Of an axis and of the legend.
 * @property {number} least What the axis reaches at least.
 */

const height = 190;
/** What the axis shows at least, s. */
const shortest = 60;
const colours = ['--line-1', '--line-2', '--line-3', '--line-4'];

/** Lines over the last minutes, in the colours of the page, with a legend that follows the pointer. */
export class Chart {
  /** @type {ChartParts} */
  #parts;
  /** @type {uPlot | null} */
  #plot = null;
  #labels = '';
  /** @type {uPlot.AlignedData} */
  #data = [[]];

  /** @param {ChartParts} parts */
  constructor(parts) {
    this.#parts = parts;
    new ResizeObserver(() => this.#plot?.setSize({ width: parts.place.clientWidth, height })).observe(parts.place);
    // A canvas does not follow the style sheet by itself.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#build());
  }

  /**
   * @param {readonly number[]} times
   * @param {readonly Line[]} lines
   */
  show(times, lines) {
    this.#data = /** @type {uPlot.AlignedData} */ ([times, ...lines.map(({ values }) => values)]);
    const labels = JSON.stringify(lines.map(({ label }) => label));
    if (labels !== this.#labels) {
      this.#labels = labels;
      this.#build();
    } else this.#plot?.setData(this.#data);
    this.#fillLegend();
  }

  #build() {
    const { place, legend } = this.#parts;
    /** @type {string[]} */
    const labels = JSON.parse(this.#labels || '[]');
    if (labels.length === 0) return;
    this.#plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colourOf = (/** @type {number} */ at) => style.getPropertyValue(colours[at % colours.length] ?? '');
    this.#plot = new uPlot(
      this.#options(
        labels.map((label, at) => ({ label, colour: colourOf(at) })),
        style,
      ),
      this.#data,
      place,
    );
    legend.replaceChildren(
      ...labels.map((label, at) => {
        const swatch = make('i', { className: `swatch line-${(at % colours.length) + 1}` });
        return make('span', {}, [swatch, document.createTextNode(`${label} `), make('b')]);
      }),
    );
  }

  /**
   * @param {readonly { label: string, colour: string }[]} lines
   * @param {CSSStyleDeclaration} style
   * @returns {uPlot.Options}
   */
  #options(lines, style) {
    const grid = { stroke: style.getPropertyValue('--grid'), width: 1 };
    const axis = {
      stroke: style.getPropertyValue('--muted'),
      grid,
      ticks: { show: false },
      font: '11px Inter, system-ui, sans-serif',
    };
    const { format, least } = this.#parts;
    return {
      width: this.#parts.place.clientWidth,
      height,
      padding: [8, 26, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: 'bridge' }, y: false, points: { size: 6 }, drag: { x: false, y: false } },
      scales: {
        x: { range: (_, min, max) => [max - Math.min(Math.max(max - min, shortest), length), max] },
        y: { range: (_, _min, max) => [0, Math.max(max * 1.15, least)] },
      },
      axes: [
        { ...axis, size: 26, space: 90, values: (_, ticks) => ticks.map(timeOfDay) },
        { ...axis, size: 58, space: 38, values: (_, ticks) => ticks.map((tick) => format(tick)) },
      ],
      series: [
        {},
        ...lines.map(({ label, colour }, at) => ({
          label,
          stroke: colour,
          width: 1.75,
          points: { show: false },
          ...(at === 0 && { fill: style.getPropertyValue('--line-1-fill') }),
        })),
      ],
      hooks: { setCursor: [() => this.#fillLegend()] },
    };
  }

  /** The values under the pointer, else the newest. */
  #fillLegend() {
    const [times, ...lines] = this.#data;
    const at = this.#plot?.cursor.idx ?? times.length - 1;
    for (const [index, node] of [...this.#parts.legend.querySelectorAll('b')].entries()) {
      const value = lines[index]?.[at];
      setText(node, value === undefined || value === null ? '–' : this.#parts.format(value));
    }
  }
}
