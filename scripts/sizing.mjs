// Writes the sizing table of docs/operations.md from the figures of docs/benchmarks.md. `npm run bench` runs it as well.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { replaceBetween } from './tour/markers.mjs';

/** Events per second, of all engines together. */
const rates = [1_000, 10_000, 50_000];
/** How much of a core a bridge may use when all is well: the rest is for bursts, replays and catching up. */
const share = 0.7;
const benchmarks = new URL('../docs/benchmarks.md', import.meta.url);
const operations = new URL('../docs/operations.md', import.meta.url);

/** The bridge's rows of the tables "Sink: ...": profile, sink, CPU time per event in µs, peak memory in MB. */
export function figuresOf(page) {
  return page
    .split('\n### Sink: ')
    .slice(1)
    .flatMap((section) => {
      const [sink = '', ...lines] = section.split('\n## ')[0].split('\n');
      const rows = lines.filter((line) => line.startsWith('|')).map(cellsOf);
      const [titles = []] = rows;
      const at = (title) => titles.indexOf(title);
      return rows
        .filter((cells) => cells[at('candidate')] === 'bridge')
        .map((cells) => ({
          profile: cells[at('profile')],
          sink: sink.trim(),
          // The dearer of the two: with the start of the just-in-time compiler, or without.
          cost: Math.max(numberIn(cells[at('CPU µs/event')]), numberIn(cells[at('warm')])),
          memory: numberIn(cells[at('peak MB')]),
        }));
    });
}

function cellsOf(line) {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function numberIn(cell = '') {
  const number = Number(cell.replaceAll(' ', ''));
  if (cell !== '' && number >= 0) return number;
  throw new Error(`docs/benchmarks.md: ${JSON.stringify(cell)} is no number; measure again with npm run bench`);
}

/** Cores and, where one process is not enough, into how many bridges the engines have to be divided. */
function need(cost, rate) {
  const cores = (cost * rate) / 1_000_000;
  const bridges = Math.ceil(cores / share);
  return `${cores < 0.1 ? '0.1' : cores.toFixed(1)}${bridges > 1 ? ` (${bridges} bridges)` : ''}`;
}

export function sizingTable(page) {
  const figures = figuresOf(page);
  if (figures.length === 0) throw new Error('docs/benchmarks.md has no table "Sink: ..." with a row of the bridge');
  const heads = rates.map((rate) => `${String(rate).replace(/\B(?=(\d{3})+$)/g, ' ')} events/s`);
  return [
    `| profile | sink | ${heads.join(' | ')} | memory of each |`,
    `|---|---|${rates.map(() => '---:|').join('')}---:|`,
    ...figures.map(
      ({ profile, sink, cost, memory }) =>
        `| ${profile} | ${sink} | ${rates.map((rate) => need(cost, rate)).join(' | ')} | ${Math.ceil(memory)} MB |`,
    ),
  ].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const page = readFileSync(operations, 'utf8');
  writeFileSync(operations, replaceBetween(page, 'sizing', sizingTable(readFileSync(benchmarks, 'utf8'))));
}
