type Fields = Readonly<Record<string, unknown>>;

/** What the line says elsewhere, or what only machines want. */
const left = new Set([
  'v',
  'id',
  'type',
  'stream',
  'source',
  'topic',
  'topic_suffix',
  'pod',
  'model',
  'data_parallel_rank',
  'epoch',
  'seq',
  'index',
  'count',
  'ts',
  'ts_unit',
  'received_at',
  'origin',
  'event',
  'raw',
  'raw_hidden',
]);

const longestText = 60;

export interface PrettyOptions {
  readonly colour: boolean;
  /** Whether token ids are written out; else only how many there are. */
  readonly tokens: boolean;
}

/** One line for people of a record as its bytes stand in a batch. */
export function prettyLine(record: Buffer, colour: boolean): string {
  return prettyRecord(JSON.parse(record.toString('utf8')) as Fields, { colour, tokens: false });
}

/**
 * One line for people: time, stream, sequence number, type, some fields. Prompts are private: token ids, and every list
 * or object that might hold them, appear as a count only, unless they are asked for.
 */
export function prettyRecord(fields: Fields, { colour, tokens }: PrettyOptions): string {
  const type = String(fields['type']);
  const words = [
    paint(timeOf(fields['received_at']), dim, colour),
    plain(String(fields['stream'])),
    paint(positionOf(fields), dim, colour),
    paint(plain(type), colourOf(type), colour),
    ...describe(fields, tokens),
  ];
  return `${words.join(' ')}\n`;
}

function describe(fields: Fields, tokens: boolean): string[] {
  const own = Object.entries(fields).filter(([key]) => !left.has(key));
  const event = Object.entries((fields['event'] ?? {}) as Fields);
  return [...own, ...event].map(([key, value]) => member(key, value, tokens));
}

/** What `hideTokens` has replaced by a count looks as if it had been hidden here. */
function member(key: string, value: unknown, tokens: boolean): string {
  const hidden = typeof value === 'number' ? /^(.*)_hidden$/.exec(key)?.[1] : undefined;
  if (hidden !== undefined) return `${plain(hidden)}=[${value}]`;
  if (tokens && Array.isArray(value) && key.includes('token')) return `${plain(key)}=${JSON.stringify(value)}`;
  return `${plain(key)}=${shown(key, value)}`;
}

function positionOf(fields: Fields): string {
  const seq = fields['seq'] === null ? '-' : String(fields['seq']);
  return fields['index'] === null ? `#${seq}` : `#${seq}.${String(fields['index'])}`;
}

function timeOf(seconds: unknown): string {
  const time = new Date(Number(seconds) * 1000);
  return Number.isNaN(time.getTime()) ? '--:--:--.---' : time.toISOString().slice(11, 23);
}

function shown(key: string, value: unknown): string {
  if (Array.isArray(value)) return key === 'block_hashes' ? hashesOf(value) : `[${value.length}]`;
  if (typeof value === 'object' && value !== null) return `{${Object.keys(value).length}}`;
  if (key.includes('token') && typeof value === 'string') return `<${value.length} characters>`;
  return typeof value === 'string' ? plain(value) : String(value);
}

function hashesOf(hashes: readonly unknown[]): string {
  if (hashes.length === 0) return '[0]';
  return hashes.length === 1 ? plain(String(hashes[0])) : `${plain(String(hashes[0]))}+${hashes.length - 1}`;
}

/** A publisher chooses this text: nothing in it may move the cursor, change colours or end the line. */
function plain(text: string): string {
  const short = text.length > longestText ? `${text.slice(0, longestText)}…` : text;
  return short.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  });
}

const dim = 2;
const green = 32;
const yellow = 33;
const red = 31;
const cyan = 36;

function colourOf(type: string): number {
  if (type === 'BlockStored') return green;
  if (type === 'BlockRemoved' || type === 'AllBlocksCleared') return yellow;
  return type === 'StreamGap' || type === 'Undecodable' ? red : cyan;
}

function paint(text: string, code: number, colour: boolean): string {
  return colour ? `\u001b[${code}m${text}\u001b[0m` : text;
}
