import type { Readable } from 'node:stream';

/** What the process hands to the commands: everything they know of the world outside, so that tests can be that world. */
export interface Edge {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Read only by commands that were told to. */
  readonly stdin?: Readable;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Registers what happens at the first SIGTERM or SIGINT; a second signal ends the process at once (main.ts). */
  onSignal(handler: (signal: string) => void): void;
}
