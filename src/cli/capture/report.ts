import type { CapturedPublisher } from '../../capture/publishers.ts';
import { counted, sized } from '../amount.ts';
import { printable, table } from '../table.ts';

const maxShown = 20;

/** For people: who sent how much. */
export function publishersText(publishers: readonly CapturedPublisher[]): string {
  const rows = publishers
    .slice(0, maxShown)
    .map(({ source, peer, topicText, frames, bytes }) => [
      printable(topicText ?? '(none)'),
      peer ?? '-',
      source,
      counted(frames),
      sized(bytes),
    ]);
  const more = publishers.length - rows.length;
  return `${rows.length === 0 ? '' : table(['topic', 'peer', 'source', 'frames', 'bytes'], rows)}${more > 0 ? `  and ${counted(more)} more\n` : ''}`;
}

export function publishersJson(publishers: readonly CapturedPublisher[]) {
  return publishers.map(({ source, endpoint, peer, topicText: topic, frames, bytes }) => ({
    ...{ source, endpoint, peer, topic, frames, bytes },
  }));
}
