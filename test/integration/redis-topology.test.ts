import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SinkError } from '../../src/core/errors.ts';
import type { Sink } from '../../src/core/sink.ts';
import { documentsOf, eventBatch, eventBatches, testStream } from '../support/batches.ts';
import { persist } from '../support/persist.ts';
import { freePorts } from '../support/ports.ts';
import type { RedisService } from '../support/services/redis.ts';
import { makeRedisSink, recordsIn } from '../support/services/redis-sink.ts';
import type { ClusterSet, SentinelSet } from '../support/services/redis-topology.ts';
import { startCluster, startSentinel } from '../support/services/redis-topology.ts';
import { waitFor } from '../support/services/service.ts';

const stream = testStream();
const sinks: Sink[] = [];

afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close();
});

async function make(overrides: Parameters<typeof makeRedisSink>[0]): Promise<Sink> {
  const sink = await makeRedisSink(overrides);
  sinks.push(sink);
  return sink;
}

describe('Sentinel', () => {
  let set: SentinelSet;
  let own: SentinelSet | undefined;

  beforeAll(async () => {
    set = await startSentinel(1, 'sentinel-secret');
  });
  afterAll(() => set?.remove());
  afterEach(async () => {
    await own?.remove();
    own = undefined;
  });

  const sentinel = () => ({ nodes: set.sentinels, master: set.name, password: 'sentinel-secret' });

  it('says that no sentinel answers, that none lets it in, or that none knows the master', async () => {
    const gone = await make({ sentinel: { ...sentinel(), nodes: [`127.0.0.1:${await freePorts()}`] } });
    await expect(gone.connect()).rejects.toMatchObject({ kind: 'transient', code: 'SENTINEL' });
    const locked = await make({ sentinel: { ...sentinel(), password: 'wrong' } });
    await expect(locked.connect()).rejects.toMatchObject({ code: 'SENTINEL' });
    const unknown = await make({ sentinel: { ...sentinel(), master: 'nobody' } });
    await expect(unknown.connect()).rejects.toMatchObject({ kind: 'destination', code: 'UNKNOWN_MASTER' });
  });

  it('asks the second sentinel when the first is away', async () => {
    const sink = await make({
      sentinel: { ...sentinel(), nodes: [`127.0.0.1:${await freePorts()}`, ...set.sentinels] },
    });
    await sink.connect();
  });

  it.each(['at-least-once', 'exactly-once'] as const)(
    'follows a change of roles, and the failover after the master was killed (%s)',
    async (delivery) => {
      // A set of its own: sentinels on a loaded machine may take minutes until a killed server is a replica again.
      own = await startSentinel();
      const [master, replica] = own.servers;
      const key = `kv-${delivery}`;
      const sink = await make({ sentinel: { nodes: own.sentinels, master: own.name }, delivery, stream: key });
      await sink.connect();
      const batches = eventBatches(stream, 0, 30);
      await sink.write(batches.slice(0, 10));

      await own.failover();
      await waitFor(() => follows(master), { what: 'the old master follows the new one', timeout: 90_000 });
      await persist(sink, batches.slice(0, 20));
      expect(await own.masterPort()).toBe(replica.port);
      await waitFor(async () => (await master.admin.xlen(key)) === (await replica.admin.xlen(key)), {
        what: 'the replica has everything',
      });

      await replica.kill();
      await persist(sink, batches.slice(10));
      expect(await own.masterPort()).toBe(master.port);
      const there = await recordsIn(master.admin, key);
      expect([...new Set(there)]).toEqual(documentsOf(batches));
      if (delivery === 'exactly-once') expect(there).toHaveLength(new Set(there).size);
    },
    150_000,
  );
});

async function follows(server: RedisService): Promise<boolean> {
  const info = await server.admin.info('replication');
  return info.includes('role:slave') && info.includes('master_link_status:up');
}

describe('Cluster', () => {
  let cluster: ClusterSet;

  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.remove());

  const urlOf = (index: number) => cluster.nodes[index]?.url ?? '';
  const addressOf = (index: number) => `127.0.0.1:${cluster.nodes[index]?.port}`;

  it.each([0, 1, 2])('finds the node that owns the key, beginning at node %i', async (index) => {
    const key = `{kv${index}}:{pod}`;
    const sink = await make({ url: urlOf(index), cluster: { enabled: true }, stream: key });
    await sink.connect();
    const batches = [0, 1].flatMap((seq) => ['a', '{b}'].map((pod) => eventBatch(testStream(pod), seq)));
    const reserved = eventBatch(testStream('dead-letter'), 0);
    expect(await sink.write([...batches, reserved])).toEqual({ deadLettered: 1, batchesDeadLettered: 1 });
    const owner = await cluster.ownerOf(`{kv${index}}`);
    for (const pod of ['a', '{b}']) {
      const expected = documentsOf([0, 1].map((seq) => eventBatch(testStream(pod), seq)));
      expect(await recordsIn(owner.admin, `{kv${index}}:${pod}`)).toEqual(expected);
    }
    expect(await recordsIn(owner.admin, `{kv${index}}:dead-letter`)).toHaveLength(1);
  });

  it.each([0, 1, 2])(
    'keeps fence, lease and checkpoints on the node that owns the key, beginning at node %i',
    async (index) => {
      const key = `{once${index}}:{pod}`;
      const once = { url: urlOf(index), cluster: { enabled: true }, stream: key, delivery: 'exactly-once' } as const;
      const sink = await make(once);
      await sink.connect();
      await sink.lease?.renew(60_000);
      const batches = [0, 1].flatMap((seq) => ['a', 'b'].map((pod) => eventBatch(testStream(pod), seq)));
      await sink.write(batches);
      await sink.write(batches);
      const owner = await cluster.ownerOf(`{once${index}}`);
      expect(await owner.admin.hlen(`{once${index}}:checkpoints`)).toBe(4);
      expect(await owner.admin.xlen(`{once${index}}:a`)).toBe(2);
      const newer = await make(once);
      expect(await newer.lease?.state(60_000)).toBe('held');
      expect(Array.from((await newer.connect())?.keys() ?? [])).toHaveLength(2);
      await expect(sink.write([eventBatch(testStream('a'), 2)])).rejects.toMatchObject({ code: 'FENCED' });
    },
  );

  it('says what to set when it was not told that this is a cluster', async () => {
    const owner = await cluster.ownerOf('kv-events');
    const other = cluster.nodes.find((node) => node !== owner);
    const sink = await make({ url: other?.url ?? '' });
    const error = await sink.connect().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'destination' });
    expect((error as SinkError).message).toContain('redis.cluster.enabled');
  });

  it('follows a slot that moves to another node while it writes', async () => {
    const key = '{moving}:events';
    const owner = await cluster.ownerOf(key);
    const target = cluster.nodes.find((node) => node !== owner);
    if (target === undefined) throw new Error('one node only');
    const sink = await make({ url: urlOf(0), cluster: { enabled: true }, stream: key });
    await sink.connect();
    const batches = eventBatches(stream, 0, 20);
    await sink.write(batches.slice(0, 10));

    const slot = await owner.admin.cluster('KEYSLOT', key);
    const [ownerId, targetId] = [await owner.admin.cluster('MYID'), await target.admin.cluster('MYID')];
    await target.admin.cluster('SETSLOT', slot, 'IMPORTING', ownerId);
    await owner.admin.cluster('SETSLOT', slot, 'MIGRATING', targetId);
    for (const one of [key, '{moving}:events:checkpoints']) {
      await owner.admin.migrate('127.0.0.1', target.port, one, 0, 5_000);
    }
    // Between the move of the keys and the end of the migration: the old owner answers ASK.
    await expect(sink.write(batches.slice(10))).rejects.toMatchObject({ kind: 'transient' });
    await target.admin.cluster('SETSLOT', slot, 'NODE', targetId);
    await owner.admin.cluster('SETSLOT', slot, 'NODE', targetId);
    await persist(sink, batches.slice(10));
    expect(await recordsIn(target.admin, key)).toEqual(documentsOf(batches));
  });

  it('goes on when the owner was killed and is back, asking another node when the first is away', async () => {
    const owner = await cluster.ownerOf('{kv-events}');
    const index = cluster.nodes.indexOf(owner);
    const sink = await make({
      url: urlOf(index),
      cluster: { enabled: true, nodes: [0, 1, 2].filter((n) => n !== index).map(addressOf) },
      stream: '{kv-events}',
    });
    await sink.connect();
    await sink.write([eventBatch(stream, 0)]);
    await owner.kill();
    await expect(sink.write([eventBatch(stream, 1)])).rejects.toMatchObject({ kind: 'transient' });
    await owner.start();
    await persist(sink, [eventBatch(stream, 1)]);
    const there = await recordsIn(owner.admin, '{kv-events}');
    expect(there).toEqual(documentsOf([eventBatch(stream, 1)]));
  });

  it('finds the new owner when the old one is gone for good', async () => {
    const key = '{gone}:events';
    const owner = await cluster.ownerOf(key);
    const index = cluster.nodes.indexOf(owner);
    const [heir = -1, other = -1] = [0, 1, 2].filter((n) => n !== index);
    const survivors = [cluster.nodes[heir], cluster.nodes[other]];
    const sink = await make({ url: urlOf(heir), cluster: { enabled: true, nodes: [addressOf(other)] }, stream: key });
    await sink.connect();
    await owner.kill();
    const slot = await cluster.nodes[heir]?.admin.cluster('KEYSLOT', key);
    const id = await cluster.nodes[heir]?.admin.cluster('MYID');
    for (const node of survivors) await node?.admin.call('CLUSTER', 'SETSLOT', String(slot), 'NODE', String(id));
    const batches = eventBatches(stream, 0, 3);
    await persist(sink, batches);
    const found = cluster.nodes[heir] ? await recordsIn(cluster.nodes[heir].admin, key) : [];
    expect(found).toEqual(documentsOf(batches));
  });
});
