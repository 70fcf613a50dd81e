import { Presets, SingleBar } from 'cli-progress';
import { isTerminal } from './style.ts';

export interface Progress {
  /** `total` null: not known (yet). */
  update(done: number, total: number | null): void;
  stop(): void;
}

/** A bar on a terminal's standard error; nothing anywhere else. `unit`: of the numbers, `records` or `bytes`. */
export function progressOn(stream: NodeJS.WritableStream, label: string, unit: string): Progress {
  if (!isTerminal(stream)) return { update: () => {}, stop: () => {} };
  const format = `${label} {bar} {percentage}% {value}/{total} ${unit}, {eta_formatted} to go`;
  const bar = new SingleBar({ format, stream, hideCursor: true, etaBuffer: 100 }, Presets.shades_classic);
  bar.start(1, 0);
  return {
    update: (done, total) => {
      bar.setTotal(total ?? Math.max(done, 1));
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}
