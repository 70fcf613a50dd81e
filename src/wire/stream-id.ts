import { isIP } from 'node:net';
import type { Identity, Stream } from '../core/stream.ts';
import { identity } from './topic.ts';

/** The id of a stream, and of all streams of one publisher where the rank is left out. */
export function streamId(source: string, host: string | null, topic: string): string {
  return host === null ? `${source}/${topic}` : `${source}/${host}/${topic}`;
}

/** Whether the publisher's address has to be part of the id of its streams. */
export function needsHost(by: Identity, { pod }: { readonly pod: string | null }): boolean {
  return by === 'peer' || (by === 'auto' && pod === null);
}

/**
 * The stream behind an id, as a checkpoint names it; null for text that is none. `by`: how its source tells publishers
 * apart, `topic` where its transport does not know their addresses.
 */
export function streamOfId(id: string, by: Identity): Stream | null {
  const first = id.indexOf('/');
  const last = id.lastIndexOf('/');
  if (first <= 0 || last <= first || last === id.length - 1) return null;
  const rest = id.slice(first + 1, last);
  const rank = id.slice(last + 1);
  const host = hostOf(rest, by);
  const topic = host === null ? rest : rest.slice(host.length + 1);
  return { id, source: id.slice(0, first), host, topic, ...identity(topic), rank: rank === '-' ? null : rank };
}

/** A topic that names a pod has no address in front of it unless all have. */
function hostOf(rest: string, by: Identity): string | null {
  if (!needsHost(by, identity(rest))) return null;
  const end = rest.indexOf('/');
  const host = rest.slice(0, Math.max(end, 0));
  return isIP(host) === 0 ? null : host;
}

/** The bytes of the topic frame that this topic text stands for, without a suffix. */
export function topicBytes(text: string): Buffer {
  return text.startsWith('0x') ? Buffer.from(text.slice(2), 'hex') : Buffer.from(text);
}
