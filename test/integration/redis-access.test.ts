import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SinkError } from '../../src/core/errors.ts';
import type { Sink } from '../../src/core/sink.ts';
import { documentsOf, eventBatch, testStream } from '../support/batches.ts';
import type { RedisService } from '../support/services/redis.ts';
import { redisBackends, startRedis } from '../support/services/redis.ts';
import { makeRedisSink, recordsIn } from '../support/services/redis-sink.ts';
import type { Certificates } from '../support/services/tls.ts';
import { makeCertificates } from '../support/services/tls.ts';

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

async function refusalOf(overrides: Parameters<typeof makeRedisSink>[0]): Promise<SinkError> {
  const outcome = await (await make(overrides)).connect().catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(SinkError);
  return outcome as SinkError;
}

describe('TLS', () => {
  let certificates: Certificates;
  let redis: RedisService;
  let strict: RedisService;
  let plain: RedisService;

  beforeAll(async () => {
    certificates = await makeCertificates();
    redis = await startRedis({ tls: certificates });
    strict = await startRedis({ tls: certificates, clientCertificate: true });
    plain = await startRedis();
  });
  afterAll(async () => {
    await redis?.remove();
    await strict?.remove();
    await plain?.remove();
    certificates.remove();
  });

  it('writes to a server whose CA it was given', async () => {
    const sink = await make({ url: redis.url, tls: { ca: certificates.ca } });
    await sink.connect();
    await sink.write([eventBatch(stream, 0)]);
    expect(await recordsIn(redis.admin, 'kv-events')).toEqual(documentsOf([eventBatch(stream, 0)]));
  });

  it('refuses a certificate that nobody it trusts has signed, unless told not to look', async () => {
    const error = await refusalOf({ url: redis.url });
    expect(error).toMatchObject({ kind: 'destination' });
    expect(error.message).toContain('redis.tls.ca');
    await (await make({ url: redis.url, tls: { insecureSkipVerify: true } })).connect();
  });

  it('refuses a certificate for another name', async () => {
    const tls = { ca: certificates.ca, serverName: 'redis.example' };
    expect(await refusalOf({ url: redis.url, tls })).toMatchObject({
      kind: 'destination',
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  it('shows its own certificate where the server wants one', async () => {
    const { ca, clientCert: cert, clientKey: key } = certificates;
    await (await make({ url: strict.url, tls: { ca, cert, key } })).connect();
    const error = await refusalOf({ url: strict.url, tls: { ca } });
    expect(error.message).toMatch(/certificate/);
  });

  it('says which file is missing', async () => {
    const error = await refusalOf({ url: redis.url, tls: { ca: '/no/such/ca.pem' } });
    expect(error).toMatchObject({ kind: 'destination', code: 'ENOENT' });
    expect(error.message).toContain('/no/such/ca.pem');
  });

  it('says what may be wrong when one side speaks TLS and the other does not', async () => {
    const withoutTls = await refusalOf({ url: redis.url.replace('rediss', 'redis') });
    expect(withoutTls.message).toContain('rediss://');
    const withTls = await refusalOf({ url: plain.url.replace('redis', 'rediss') });
    expect(withTls.message).toMatch(/TLS|connection/);
  });
});

/** The line that the page tells operators to run. */
const aclLine = /^ACL SETUSER (.*)$/m.exec(readFileSync('docs/sinks/redis.md', 'utf8'))?.[1] ?? '';
const rules = aclLine.replace('>secret', '>s3cret/+#@:').split(' ');
const user = { username: 'kv-event-bridge', password: 's3cret/+#@:' };

describe.each(redisBackends())('Logins (%s)', (backend) => {
  let redis: RedisService;

  beforeAll(async () => {
    redis = await startRedis({ backend, password: 'admin-secret' });
  });
  beforeEach(async () => {
    await redis.admin.flushall();
    await redis.admin.acl('DELUSER', 'kv-event-bridge');
    await redis.admin.call('ACL', 'SETUSER', ...rules);
    await redis.admin.call('ACL', 'LOG', 'RESET');
  });
  afterAll(() => redis?.remove());

  it.each(['at-least-once', 'exactly-once'] as const)(
    'needs no rights but the documented ones for all it does %s',
    async (delivery) => {
      await redis.admin.script('FLUSH');
      const retention = { maxLen: 10_000, maxAge: 60_000 };
      const sink = await make({ url: redis.url, ...user, ...retention, maxRecordBytes: 4_096, delivery });
      await sink.connect();
      await sink.write([eventBatch(testStream('large'), 0, 2_500)]);
      expect(await redis.admin.del('kv-events')).toBe(1);
      await sink.lease?.renew(1_000);
      await sink.lease?.state(1_000);
      await sink.lease?.release();
      const batches = [eventBatch(stream, 0), eventBatch(stream, 1, 1, { text: 'x'.repeat(5_000) })];
      expect(await sink.write(batches)).toEqual({ deadLettered: 1, batchesDeadLettered: 1 });
      expect(await recordsIn(redis.admin, 'kv-events')).toHaveLength(1);
      expect(await recordsIn(redis.admin, 'kv-events:dead-letter')).toHaveLength(1);
      expect(await redis.admin.call('ACL', 'LOG')).toEqual([]);
    },
  );

  const commands = rules.filter((rule) => rule.startsWith('+') && rule !== '+client|setname');

  it.each(commands)('says that a right is missing without %s, and goes on when it is granted', async (rule) => {
    await redis.admin.script('FLUSH');
    await redis.admin.acl('SETUSER', 'kv-event-bridge', rule.replace('+', '-'));
    const retention = { maxLen: 10_000, maxAge: 60_000 };
    const sink = await make({ url: redis.url, ...user, ...retention, delivery: 'exactly-once' });
    const attempt = async () => {
      await sink.connect();
      await sink.write([eventBatch(stream, 0)]);
    };
    const error = await attempt().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'destination', code: 'NOPERM' });
    await redis.admin.acl('SETUSER', 'kv-event-bridge', rule);
    await attempt();
    expect(await recordsIn(redis.admin, 'kv-events')).toHaveLength(1);
  });

  it('may not keep checkpoints: says so before it has written anything', async () => {
    await redis.admin.acl('SETUSER', 'kv-event-bridge', '-hset');
    const sink = await make({ url: redis.url, ...user });
    const error = await sink.connect().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'destination', code: 'NOPERM' });
    expect(await redis.admin.dbsize()).toBe(0);
  });

  it('waits when it may not write one of several keys', async () => {
    await redis.admin.acl('SETUSER', 'kv-event-bridge', '~kv:checkpoints');
    const sink = await make({ url: redis.url, ...user, stream: 'kv-{pod}', deadLetter: 'kv-events:dead-letter' });
    await sink.connect();
    const error = await sink
      .write([eventBatch(testStream('events'), 0), eventBatch(testStream('x'), 0)])
      .catch((e) => e);
    expect(error).toMatchObject({ kind: 'destination', code: 'NOPERM', written: 0 });
    await redis.admin.acl('SETUSER', 'kv-event-bridge', '~kv-x');
    await sink.write([eventBatch(testStream('x'), 0)]);
    expect(await recordsIn(redis.admin, 'kv-x')).toHaveLength(1);
  });

  it('says that the password is wrong or missing, and never which', async () => {
    const wrong = await refusalOf({ url: redis.url, username: 'kv-event-bridge', password: 'canary-1' });
    expect(wrong).toMatchObject({ kind: 'destination', code: 'WRONGPASS' });
    const inUrl = await refusalOf({ url: redis.url.replace('//', '//kv-event-bridge:canary-2@') });
    expect(inUrl).toMatchObject({ kind: 'destination', code: 'WRONGPASS' });
    const missing = await refusalOf({ url: redis.url });
    expect(missing).toMatchObject({ kind: 'destination', code: 'NOAUTH' });
    for (const error of [wrong, inUrl, missing]) {
      const everything = JSON.stringify([error.message, error.stack, error, error.cause]);
      expect(everything).not.toContain('canary');
    }
  });

  it('takes user and password from the URL, percent-encoded', async () => {
    const login = `${user.username}:${encodeURIComponent(user.password)}`;
    const sink = await make({ url: redis.url.replace('//', `//${login}@`) });
    await sink.connect();
    const defaultUser = await make({ url: redis.url, password: 'admin-secret', protocol: 2 });
    await defaultUser.connect();
  });

  it('connects when the password was mended on the server', async () => {
    const sink = await make({ url: redis.url, username: 'kv-event-bridge', password: 'new' });
    await expect(sink.connect()).rejects.toMatchObject({ code: 'WRONGPASS' });
    await redis.admin.acl('SETUSER', 'kv-event-bridge', '>new');
    await sink.connect();
  });
});
