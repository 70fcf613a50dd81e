import { performance } from 'node:perf_hooks';
import { isTerminal } from './style.ts';

export interface Countdown {
  /** Makes room for other output; it comes back by itself. */
  clear(): void;
  stop(): void;
}

const step = 200;

/** A line on a terminal's standard error that says how long is still waited; nothing anywhere else. */
export function countdownOn(stream: NodeJS.WritableStream, wait: number, parts: number): Countdown {
  if (!isTerminal(stream)) return { clear: () => {}, stop: () => {} };
  const deadline = performance.now() + wait;
  const clear = () => stream.write('\r\x1b[K');
  const show = () => {
    const left = Math.ceil((deadline - performance.now()) / 1_000);
    const what = left > 0 ? `waiting for frames, ${left} s left` : 'looking';
    stream.write(`\r\x1b[K${what} (${parts} ${parts === 1 ? 'part' : 'parts'}, Ctrl-C ends it)`);
  };
  show();
  const timer = setInterval(show, step);
  const stop = () => {
    clearInterval(timer);
    clear();
  };
  return { clear, stop };
}
