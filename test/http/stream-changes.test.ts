import { describe, expect, it } from 'vitest';
import { memory, StreamChanges } from '../../src/http/stream-changes.ts';
import { streamStatus } from '../page/played-status.ts';

const idsOf = (texts: readonly string[]) => texts.map((text) => (JSON.parse(text) as { id: string }).id);
const [a, b] = [streamStatus('zmq/a/0'), streamStatus('zmq/b/0')];

describe('changes of streams', () => {
  it('are those since a tick, however many ticks ago that is', () => {
    const changes = new StreamChanges();
    changes.update([a, b], 0);
    changes.update([{ ...a, events: 50 }, b], 1);
    changes.update([{ ...a, events: 50 }, b], 2);
    expect(idsOf(changes.since(-1).changed)).toEqual([a.id, b.id]);
    expect(idsOf(changes.since(0).changed)).toEqual([a.id]);
    expect(changes.since(1)).toEqual({ changed: [], gone: [] });
  });

  it('tell a stream that went and came back as a change, not as gone', () => {
    const changes = new StreamChanges();
    changes.update([a, b], 0);
    changes.update([b], 1);
    expect(changes.since(0)).toEqual({ changed: [], gone: [a.id] });
    changes.update([a, b], 2);
    expect(idsOf(changes.since(0).changed)).toEqual([a.id]);
    expect(changes.since(0).gone).toEqual([]);
  });

  it('forget in time that a stream is gone', () => {
    const changes = new StreamChanges();
    changes.update([a, b], 0);
    changes.update([b], 1);
    changes.update([b], 1 + memory);
    expect(changes.since(0).gone).toEqual([a.id]);
    changes.update([b], 2 + memory);
    expect(changes.since(0).gone).toEqual([]);
  });
});
