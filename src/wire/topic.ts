import { isUtf8 } from 'node:buffer';
import { emptyObject } from './json.ts';

/** The first frame of a message. */
export interface Topic {
  /** Text up to the first NUL; `0x` + hex where it is not UTF-8 or itself begins with `0x`, so that no two topics share one. */
  readonly text: string;
  /** What follows the NUL (SGLang's snapshot branch): `k=v` parts; a part without `=` has the value null. */
  readonly suffix: Readonly<Record<string, string | null>> | null;
  /** From `kv@<pod>@<model>`; both null where the topic is anything else. */
  readonly pod: string | null;
  readonly model: string | null;
}

/** Topics that are known again by their bytes; more are read anew each time. */
const maxKnown = 16_384;

/** Reads topics. A publisher sends the same with every message: then it gives the same object again. */
export class TopicReader {
  readonly #known = new Map<string, Topic>();
  #bytes = Buffer.alloc(0);
  /** What was last found to be the same. */
  #again: Buffer | null = null;
  #topic = readTopic(this.#bytes);

  read(bytes: Buffer): Topic {
    if (bytes === this.#again) return this.#topic;
    if (isSame(bytes, this.#bytes)) {
      this.#again = bytes;
      return this.#topic;
    }
    this.#again = null;
    const key = bytes.toString('latin1');
    const topic = this.#known.get(key) ?? readTopic(bytes);
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(key, topic);
    this.#bytes = Buffer.from(bytes);
    this.#topic = topic;
    return topic;
  }
}

/** Few bytes: a loop is cheaper than a call of the runtime. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = a.length - 1; index >= 0; index -= 1) if (a[index] !== b[index]) return false;
  return true;
}

export function readTopic(bytes: Buffer): Topic {
  const nul = bytes.indexOf(0);
  const text = topicText(nul < 0 ? bytes : bytes.subarray(0, nul));
  return { text, suffix: nul < 0 ? null : readSuffix(bytes.subarray(nul + 1)), ...identity(text) };
}

function topicText(bytes: Buffer): string {
  if (!isUtf8(bytes)) return hex(bytes);
  const text = bytes.toString('utf8');
  return text.startsWith('0x') ? hex(bytes) : text;
}

function hex(bytes: Buffer): string {
  return `0x${bytes.toString('hex')}`;
}

/** The pod ends at the first `@`: models may have one in their revision, pods never. */
export function identity(text: string): Pick<Topic, 'pod' | 'model'> {
  const end = text.indexOf('@', 3);
  if (!text.startsWith('kv@') || end <= 3 || end === text.length - 1) return { pod: null, model: null };
  return { pod: text.slice(3, end), model: text.slice(end + 1) };
}

function readSuffix(bytes: Buffer): Topic['suffix'] {
  const text = isUtf8(bytes) ? bytes.toString('utf8') : hex(bytes);
  const suffix = emptyObject() as Record<string, string | null>;
  for (const part of text.split('\0')) {
    const equals = part.indexOf('=');
    if (equals >= 0) suffix[part.slice(0, equals)] = part.slice(equals + 1);
    else if (part !== '') suffix[part] = null;
  }
  return Object.keys(suffix).length === 0 ? null : suffix;
}
