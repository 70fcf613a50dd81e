import { isTerminal } from './style.ts';

export interface StatusLine {
  /** A line of its own, which stays. */
  note(text: string): void;
  stop(): void;
}

const step = 200;

/** A line on a terminal's standard error that is written anew five times a second; elsewhere only the notes. */
export function statusLineOn(stream: NodeJS.WritableStream, text: () => string): StatusLine {
  if (!isTerminal(stream)) return { note: (line) => stream.write(`${line}\n`), stop: () => {} };
  const clear = () => stream.write('\r\x1b[K');
  const show = () => stream.write(`\r\x1b[K${text()}`);
  const timer = setInterval(show, step);
  return {
    note: (line) => {
      clear();
      stream.write(`${line}\n`);
      show();
    },
    stop: () => {
      clearInterval(timer);
      clear();
    },
  };
}
