import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (style: Style, text: string) => string;

/** Colours only where a person looks: on a terminal, unless `NO_COLOR` is set (no-color.org) or it has none (`TERM=dumb`). */
export function paintFor(stream: NodeJS.WritableStream, env: Readonly<Record<string, string | undefined>>): Paint {
  const isPlain = !isTerminal(stream) || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  // Judged here, for the stream that is meant; newer Node.js would judge standard output.
  const options = { validateStream: false };
  return isPlain ? (_, text) => text : (style, text) => styleText(style, text, options);
}

export function isTerminal(stream: NodeJS.WritableStream): boolean {
  return (stream as { readonly isTTY?: boolean }).isTTY === true;
}
