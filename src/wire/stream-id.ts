import type { Stream } from '../core/stream.ts';
import { identity } from './topic.ts';

/** The stream behind an id `source/topic/rank`, as a checkpoint names it; null for text that is none. */
export function streamOfId(id: string): Stream | null {
  const first = id.indexOf('/');
  const last = id.lastIndexOf('/');
  if (first <= 0 || last <= first || last === id.length - 1) return null;
  const topic = id.slice(first + 1, last);
  const rank = id.slice(last + 1);
  return { id, source: id.slice(0, first), topic, ...identity(topic), rank: rank === '-' ? null : rank };
}

/** The bytes of the topic frame that this topic text stands for, without a suffix. */
export function topicBytes(text: string): Buffer {
  return text.startsWith('0x') ? Buffer.from(text.slice(2), 'hex') : Buffer.from(text);
}
