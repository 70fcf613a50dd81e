import type { RecordBatch } from '../../src/core/batch.ts';
import type { Held } from '../../src/core/checkpoint.ts';
import { comparePositions } from '../../src/core/checkpoint.ts';
import { SinkError } from '../../src/core/errors.ts';
import type { Sink } from '../../src/core/sink.ts';
import type { MemoryDestination } from '../support/memory-sink.ts';
import { MemorySink } from '../support/memory-sink.ts';
import type { Double } from './doubles.ts';

const rule = {
  empty: 'answers an empty map where the destination is empty',
  answers: 'answers what was confirmed to the sink that comes after it, of every stream',
  ahead: 'never answers a checkpoint ahead of what can be read back, also after an outage in the middle of a write',
  once: 'writes everything once through an outage in the middle of a write',
  repeat: 'appends nothing twice when a write is repeated, as a whole or in part',
  refuses: 'refuses a batch that follows more than the destination holds, and writes nothing of it',
  jumps: 'takes a batch that jumps, where it follows what the destination holds or nothing',
  fence: 'writes nothing more and says FENCED once a second sink has taken its name',
};

/** A memory sink that delivers exactly once, with other calls put in the place of its own. */
function instead(calls: (sink: MemorySink, destination: MemoryDestination) => Partial<Sink>): Double['make'] {
  return (destination) => {
    const sink = new MemorySink(destination, 'exactly-once');
    const honest: Sink = {
      connect: () => sink.connect(),
      write: (batches) => sink.write(batches),
      close: () => sink.close(),
    };
    return { ...honest, ...calls(sink, destination) };
  };
}

/** What `connect` answers changed on the way. */
function answering(change: (held: NonNullable<Held>) => Held): Double['make'] {
  return instead((sink) => ({ connect: async () => change((await sink.connect()) ?? new Map()) }));
}

function answeringEach(change: (checkpoint: RecordBatch['checkpoint']) => RecordBatch['checkpoint']): Double['make'] {
  return answering((held) => new Map([...held].map(([id, checkpoint]) => [id, change(checkpoint)])));
}

const atLeastOnce: Double['make'] = (destination) => new MemorySink(destination);

const answerDoubles: readonly Double[] = [
  {
    name: 'one that keeps no checkpoints',
    breaks: [rule.empty, rule.answers, rule.ahead],
    make: answering(() => null),
  },
  {
    name: 'one that knows a stream nobody has written',
    breaks: [rule.empty, rule.answers],
    make: answering(
      (held) => new Map([...held, ['x/y/-', { position: { epoch: 1, seq: 1n, sub: 0 }, ts: null, hash: null }]]),
    ),
  },
  {
    name: 'one that forgets everything',
    breaks: [rule.answers, rule.ahead, rule.refuses, rule.fence],
    make: answering(() => new Map()),
  },
  {
    name: 'one that knows only its last stream',
    breaks: [rule.answers],
    make: answering((held) => new Map([...held].slice(-1))),
  },
  {
    name: 'one that keeps numbers as doubles',
    breaks: [rule.answers],
    make: answeringEach(({ position, ...rest }) => ({
      ...rest,
      position: { ...position, seq: position.seq === null ? null : BigInt(Number(position.seq)) },
    })),
  },
  {
    name: 'one that takes what is before the first number for the number 0',
    breaks: [rule.answers],
    make: answeringEach(({ position, ...rest }) => ({ ...rest, position: { ...position, seq: position.seq ?? 0n } })),
  },
  {
    name: 'one that forgets the time',
    breaks: [rule.answers],
    make: answeringEach((checkpoint) => ({ ...checkpoint, ts: null })),
  },
  {
    name: 'one that forgets the fingerprint',
    breaks: [rule.answers],
    make: answeringEach((checkpoint) => ({ ...checkpoint, hash: null })),
  },
];

const writeDoubles: readonly Double[] = [
  {
    name: 'one that moves its checkpoints before it writes',
    breaks: [rule.ahead],
    make: instead((sink, destination) => ({
      write(batches) {
        const writing = new MemorySink(destination).write(batches);
        for (const { stream, checkpoint } of batches) destination.checkpoints.set(stream.id, checkpoint);
        const last = new Map(destination.checkpoints);
        return writing.finally(() => {
          for (const [id, checkpoint] of last) destination.checkpoints.set(id, checkpoint);
          return sink.close();
        });
      },
    })),
  },
  {
    name: 'one that keeps a checkpoint per write that succeeds as a whole',
    breaks: [rule.once],
    make: instead((sink, destination) => ({
      async write(batches) {
        const before = new Map(destination.checkpoints);
        return sink.write(batches).catch((error: unknown) => {
          destination.checkpoints.clear();
          for (const [id, checkpoint] of before) destination.checkpoints.set(id, checkpoint);
          throw error instanceof SinkError
            ? new SinkError({ kind: error.kind, code: error.code, message: error.message })
            : error;
        });
      },
    })),
  },
  {
    name: 'one that delivers at least once',
    breaks: [rule.repeat, rule.refuses, rule.fence],
    make: atLeastOnce,
  },
  {
    name: 'one that takes a write for a repeated one if its first batch is',
    breaks: [rule.repeat],
    make: instead((sink, destination) => ({
      async write(batches) {
        const [first] = batches;
        const held = first && destination.checkpoints.get(first.stream.id);
        const isRepeated = held && comparePositions(first.checkpoint.position, held.position) <= 0;
        return isRepeated ? { deadLettered: 0, batchesDeadLettered: 0 } : sink.write(batches);
      },
    })),
  },
  {
    name: 'one that compares, but not with what came before',
    breaks: [rule.refuses],
    make: instead((sink) => ({
      write: (batches) => sink.write(batches.map((batch) => ({ ...batch, follows: null }))),
    })),
  },
  {
    name: 'one that notices what is missing only after it has written',
    breaks: [rule.refuses],
    make: instead((sink, destination) => ({
      async write(batches) {
        const [first] = batches;
        const held = first && destination.checkpoints.get(first.stream.id);
        if (first && held === undefined && first.follows !== null) await new MemorySink(destination).write(batches);
        return sink.write(batches).then(() => {
          if (first && held === undefined && first.follows !== null) {
            throw new SinkError({ kind: 'reopen', code: 'LATE', message: 'memory: something was missing' });
          }
          return { deadLettered: 0, batchesDeadLettered: 0 };
        });
      },
    })),
  },
  {
    name: 'one that wants each number to follow the last one',
    breaks: [rule.jumps],
    make: instead((sink, destination) => ({
      async write(batches) {
        for (const batch of batches) {
          const held = destination.checkpoints.get(batch.stream.id)?.position.seq ?? null;
          if (held !== null && batch.checkpoint.position.seq !== held + 1n) {
            throw new SinkError({ kind: 'reopen', code: 'JUMP', message: 'memory: a number is missing' });
          }
          await sink.write([batch]);
        }
        return { deadLettered: 0, batchesDeadLettered: 0 };
      },
    })),
  },
];

const fenceDoubles: readonly Double[] = [
  {
    name: 'one that never fences',
    breaks: [rule.fence],
    make: instead((sink, destination) => ({
      async connect() {
        const held = await sink.connect();
        destination.fence = 1;
        return held;
      },
    })),
  },
  {
    name: 'one that fences its successor',
    breaks: [rule.fence],
    make: instead((sink) => ({
      async write(batches) {
        try {
          return await sink.write(batches);
        } catch (error) {
          if (error instanceof SinkError && error.kind === 'fenced') await sink.connect();
          throw error;
        }
      },
    })),
  },
  {
    name: 'one that calls being fenced an outage',
    breaks: [rule.fence],
    make: instead((sink) => ({
      write: (batches) =>
        sink.write(batches).catch((error: SinkError) => {
          throw error.kind === 'fenced'
            ? new SinkError({ kind: 'transient', code: error.code, message: error.message })
            : error;
        }),
    })),
  },
];

export const checkpointDoubles: readonly Double[] = [...answerDoubles, ...writeDoubles, ...fenceDoubles];
