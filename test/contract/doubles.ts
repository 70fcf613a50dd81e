import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordBatch } from '../../src/core/batch.ts';
import { SinkError } from '../../src/core/errors.ts';
import type { Sink, WriteOutcome } from '../../src/core/sink.ts';
import { batchOf, documentsOf } from '../support/batches.ts';
import type { MemoryDestination } from '../support/memory-sink.ts';
import { MemorySink } from '../support/memory-sink.ts';
import { checkpointDoubles } from './doubles-checkpoints.ts';

/** A sink with one fault, and the rules that must find it. */
export interface Double {
  readonly name: string;
  readonly breaks: readonly string[];
  make(destination: MemoryDestination): Sink;
}

const rule = {
  order: 'writes everything in order, once, and confirms only what is there',
  streams: 'writes the batches of several streams, each in order',
  empty: 'takes a write without batches',
  thousands: 'takes a batch of thousands of records',
  large: 'takes a record of 256 KiB',
  bytes: 'keeps every byte: escapes, unicode, 64-bit numbers as text',
  count: 'counts no dead letters where there are none',
  untouched: 'leaves the batches as they were: other lanes hold them too',
  poison: 'writes a record that can never be written to the dead letters, and all the others',
  closeFirst: 'closes before it was ever connected',
  closeTwice: 'closes twice, also at the same time',
  continues: 'continues behind what an earlier sink wrote',
  leftovers: 'leaves nothing behind in the process: listeners, sockets, timers, files',
  connect: 'says that it cannot connect, and connects when it can',
  outage:
    'fails a write during an outage with a SinkError that never counts too much, and goes on afterwards by itself',
  middle: 'never counts too much when the destination goes away in the middle of a write',
  closeOutage: 'closes during an outage',
};

type Write = (batches: readonly RecordBatch[]) => Promise<WriteOutcome>;

/** A memory sink whose `write` is done by `write`, with the honest one at hand. */
function writing(write: (batches: readonly RecordBatch[], honest: Write) => Promise<WriteOutcome>): Double['make'] {
  return (destination) => {
    const sink = new MemorySink(destination);
    const honest: Write = (batches) => new MemorySink(destination).write(batches);
    return { connect: () => sink.connect(), close: () => sink.close(), write: (batches) => write(batches, honest) };
  };
}

/** A memory sink with other calls put in the place of its own. */
function instead(calls: (sink: MemorySink, destination: MemoryDestination) => Partial<Sink>): Double['make'] {
  return (destination) => {
    const sink = new MemorySink(destination);
    const honest: Sink = {
      connect: () => sink.connect(),
      write: (batches) => sink.write(batches),
      close: () => sink.close(),
    };
    return { ...honest, ...calls(sink, destination) };
  };
}

/** Documents changed on the way. */
function changing(change: (documents: string[]) => string[]): Double['make'] {
  return writing((batches, honest) =>
    honest(batches.map((batch) => ({ ...batch, ...contentOf(batch, change(documentsOf([batch]))) }))),
  );
}

function contentOf(batch: RecordBatch, documents: readonly string[]): Pick<RecordBatch, 'bytes' | 'ends'> {
  const { bytes, ends } = batchOf(batch.stream, documents);
  return { bytes, ends };
}

/** Every error changed on the way. */
function failing(change: (error: SinkError, batches: readonly RecordBatch[]) => unknown): Double['make'] {
  return writing(async (batches, honest) => {
    try {
      return await honest(batches);
    } catch (error) {
      throw change(error as SinkError, batches);
    }
  });
}

const recounted = (error: SinkError, written: number) =>
  new SinkError({ kind: error.kind, code: error.code, message: error.message, written });

const never = () => new Promise<never>(() => {});

const writingDoubles: readonly Double[] = [
  {
    name: 'one that resolves before it has written',
    breaks: [rule.order, rule.streams, rule.bytes],
    make: writing(async (batches, honest) => {
      sleep(20)
        .then(() => honest(batches))
        .catch(() => {});
      return { deadLettered: 0, batchesDeadLettered: 0 };
    }),
  },
  {
    name: 'one that reverses the batches of a write',
    breaks: [rule.order, rule.streams],
    make: writing((batches, honest) => honest(batches.toReversed())),
  },
  {
    name: 'one that writes everything twice',
    breaks: [rule.order, rule.closeTwice],
    make: writing(async (batches, honest) => {
      await honest(batches);
      return honest(batches);
    }),
  },
  {
    name: 'one that loses the last record of a batch',
    breaks: [rule.order, rule.thousands],
    make: changing((documents) => documents.slice(0, -1)),
  },
  {
    name: 'one that knows only one stream',
    breaks: [rule.streams],
    make: writing((batches, honest) => honest(batches.filter((batch) => batch.stream.id === batches[0]?.stream.id))),
  },
  {
    name: 'one that fails without batches',
    breaks: [rule.empty],
    make: writing((batches, honest) =>
      batches.length === 0 ? Promise.reject(new TypeError('none')) : honest(batches),
    ),
  },
  {
    name: 'one that writes an empty document without batches',
    breaks: [rule.empty],
    make: instead((sink, destination) => ({
      async write(batches) {
        if (batches.length === 0) destination.documents.push('');
        return sink.write(batches);
      },
    })),
  },
  {
    name: 'one that takes a thousand records and forgets the rest',
    breaks: [rule.thousands],
    make: changing((documents) => documents.slice(0, 1_000)),
  },
  {
    name: 'one that cuts long records',
    breaks: [rule.large],
    make: changing((documents) => documents.map((document) => document.slice(0, 65_536))),
  },
  {
    name: 'one that parses and prints the JSON again',
    breaks: [rule.bytes],
    make: changing((documents) =>
      documents.map((document) => JSON.stringify(JSON.parse(document)).replaceAll('\\ud800', '\ufffd')),
    ),
  },
  {
    name: 'one that writes Latin-1',
    breaks: [rule.bytes],
    make: changing((documents) => documents.map((document) => Buffer.from(document, 'latin1').toString('utf8'))),
  },
  {
    name: 'one that counts records as dead letters',
    breaks: [rule.count],
    make: writing(async (batches, honest) => {
      await honest(batches);
      return { deadLettered: batches.length, batchesDeadLettered: batches.length };
    }),
  },
  {
    name: 'one that changes the bytes it was given',
    breaks: [rule.untouched],
    make: writing(async (batches, honest) => {
      const outcome = await honest(batches);
      for (const batch of batches) batch.bytes.fill(0);
      return outcome;
    }),
  },
  {
    name: 'one that drops records it cannot write',
    breaks: [rule.poison],
    make: instead((sink, destination) => ({
      async write(batches) {
        const outcome = await sink.write(batches);
        destination.deadLetters.length = 0;
        return outcome;
      },
    })),
  },
  {
    name: 'one whose dead letters have nothing but the id',
    breaks: [rule.poison],
    make: instead((sink, destination) => ({
      async write(batches) {
        const outcome = await sink.write(batches);
        const letters = destination.deadLetters.map((letter) => JSON.stringify({ id: JSON.parse(letter).id }));
        destination.deadLetters.splice(0, letters.length, ...letters);
        return outcome;
      },
    })),
  },
  {
    name: 'one that fails for ever at a record it cannot write',
    breaks: [rule.poison],
    make: instead((sink, destination) => ({
      write(batches) {
        const large = (document: string) => document.length > destination.maxRecordBytes;
        if (documentsOf(batches).some(large)) {
          return Promise.reject(new SinkError({ kind: 'transient', code: 'TOO_LARGE', message: 'memory: too large' }));
        }
        return sink.write(batches);
      },
    })),
  },
];

const lifecycleDoubles: readonly Double[] = [
  {
    name: 'one that cannot close before connect',
    breaks: [rule.closeFirst, rule.closeOutage],
    make: instead((sink) => {
      let open = false;
      return {
        async connect() {
          const held = await sink.connect();
          open = true;
          return held;
        },
        close: () => (open ? sink.close() : Promise.reject(new Error('not connected'))),
      };
    }),
  },
  {
    name: 'one that cannot close twice',
    breaks: [rule.closeTwice],
    make: instead((sink) => {
      let closed = false;
      return {
        close() {
          if (closed) return Promise.reject(new Error('already closed'));
          closed = true;
          return sink.close();
        },
      };
    }),
  },
  {
    name: 'one that hangs in close',
    breaks: [rule.closeFirst, rule.closeTwice, rule.continues, rule.leftovers],
    make: instead(() => ({ close: never })),
  },
  {
    name: 'one that hangs in close during an outage',
    breaks: [rule.closeOutage],
    make: instead((sink, destination) => ({ close: () => (destination.broken ? never() : sink.close()) })),
  },
  {
    name: 'one that begins with an empty destination',
    breaks: [rule.continues],
    make: instead((sink, destination) => ({
      connect() {
        destination.documents.length = 0;
        return sink.connect();
      },
    })),
  },
  {
    name: 'one that leaves a listener on the process',
    breaks: [rule.leftovers],
    make: instead((sink) => ({
      connect() {
        process.on('beforeExit', EventEmitter.prototype.listeners);
        return sink.connect();
      },
    })),
  },
  {
    name: 'one that leaves a timer running',
    breaks: [rule.leftovers],
    make: instead((sink) => ({
      connect() {
        setTimeout(() => {}, 1_500);
        return sink.connect();
      },
    })),
  },
];

const failureDoubles: readonly Double[] = [
  {
    name: 'one that connects to nothing',
    breaks: [rule.connect],
    make: instead(() => ({ connect: async () => null })),
  },
  {
    name: 'one that throws a plain Error from connect',
    breaks: [rule.connect],
    make: instead((sink) => ({ connect: () => sink.connect().catch(() => Promise.reject(new Error('ECONNREFUSED'))) })),
  },
  {
    name: 'one that never connects after a failure',
    breaks: [rule.connect],
    make: instead((sink) => {
      let failed: unknown;
      return {
        async connect() {
          if (failed !== undefined) throw failed;
          return sink.connect().catch((error: unknown) => {
            failed = error;
            throw error;
          });
        },
      };
    }),
  },
  {
    name: 'one that counts everything as written',
    breaks: [rule.outage, rule.middle],
    make: failing((error, batches) => recounted(error, batches.length)),
  },
  {
    name: 'one that counts one batch too many',
    breaks: [rule.outage, rule.middle],
    make: failing((error) => recounted(error, error.written + 1)),
  },
  {
    name: 'one that throws a plain Error from write',
    breaks: [rule.outage, rule.middle, rule.closeOutage],
    make: failing((error) => new Error(error.message)),
  },
  {
    name: 'one that swallows errors',
    breaks: [rule.outage, rule.closeOutage],
    make: writing((batches, honest) => honest(batches).catch(() => ({ deadLettered: 0, batchesDeadLettered: 0 }))),
  },
  {
    name: 'one that hangs while the destination is away',
    breaks: [rule.outage, rule.connect, rule.closeOutage],
    make: instead((sink, destination) => ({
      connect: () => (destination.broken ? never() : sink.connect()),
      write: (batches) => (destination.broken ? never() : sink.write(batches)),
    })),
  },
  {
    name: 'one that stays broken after an outage',
    breaks: [rule.outage],
    make: instead((sink) => {
      let failed: unknown;
      return {
        async write(batches) {
          if (failed !== undefined) throw recounted(failed as SinkError, 0);
          return sink.write(batches).catch((error: unknown) => {
            failed = error;
            throw error;
          });
        },
      };
    }),
  },
  {
    name: 'one that calls an outage the end',
    breaks: [rule.outage],
    make: failing((error) => new SinkError({ kind: 'closed', code: error.code, message: error.message })),
  },
];

export const doubles: readonly Double[] = [
  ...writingDoubles,
  ...lifecycleDoubles,
  ...failureDoubles,
  ...checkpointDoubles,
];
