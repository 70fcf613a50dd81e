import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (style: Style, text: string) => string;

/** Colours only where a person looks: on a terminal, unless `NO_COLOR` is set (no-color.org) or it has none (`TERM=dumb`). */
export function paintFor(stream: NodeJS.WritableStream, env: Readonly<Record<string, string | undefined>>): Paint {
  // Judged here, for the stream that is meant; newer Node.js would judge standard output.
  const options = { validateStream: false };
  return hasColour(stream, env) ? (style, text) => styleText(style, text, options) : (_, text) => text;
}

/** The same question for what paints by itself. */
export function hasColour(stream: NodeJS.WritableStream, env: Readonly<Record<string, string | undefined>>): boolean {
  return isTerminal(stream) && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

export function isTerminal(stream: NodeJS.WritableStream): boolean {
  return (stream as { readonly isTTY?: boolean }).isTTY === true;
}
