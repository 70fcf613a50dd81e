import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Publisher, Router } from 'zeromq';
import { freePorts } from '../support/ports.ts';
import { curvePairs, EngineContext, plain, plainDials } from '../support/security.ts';
import { greeting } from '../support/zmtp-bytes.ts';
import { diagnose } from './support.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function engine(): Promise<number> {
  const guarded = await EngineContext.start();
  closers.push(() => guarded.close());
  return engineWith(guarded.plainBinds);
}

/** Publishes without end; with a replay socket one port above. */
async function engineWith(options: object): Promise<number> {
  const port = await freePorts(2);
  const publisher = new Publisher({ ...options, linger: 0 });
  const router = new Router({ ...options, linger: 0, receiveTimeout: 100 });
  await publisher.bind(`tcp://127.0.0.1:${port}`);
  await router.bind(`tcp://127.0.0.1:${port + 1}`);
  closers.push(() => publisher.close(), sending(publisher), answering(router));
  return port;
}

function sending(publisher: Publisher): () => void {
  const batch = Buffer.from('93cb41da46b5a0000000909a0000', 'hex').subarray(0, 11);
  let seq = 0n;
  const timer = setInterval(() => {
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(seq++);
    void publisher.send(['kv@p@m', number, batch]);
  }, 20);
  return () => clearInterval(timer);
}

function answering(router: Router): () => Promise<void> {
  let stopped = false;
  const serving = (async () => {
    while (!stopped) {
      const [identity] = await router.receive().catch(() => []);
      if (identity !== undefined) await router.send([identity, '', Buffer.alloc(8, 0xff), '']);
    }
    router.close();
  })();
  return () => {
    stopped = true;
    return serving;
  };
}

const credentials = (password: string) => ({ ZMQ_PLAIN_USERNAME: plain.username, ZMQ_PLAIN_PASSWORD: password });
const look = (port: number, env: Record<string, string>, ...more: readonly string[]) =>
  diagnose([`127.0.0.1:${port}`, '--wait', '5s', ...more], env);

describe('doctor and an engine with a password', () => {
  it('hears it with the same one, and asks its replay socket', async () => {
    const port = await engine();
    const found = await look(port, credentials(plain.password), '--replay', `127.0.0.1:${port + 1}`);
    expect(found.codes).toEqual(expect.arrayContaining(['publisher', 'frames', 'replay-empty']));
    expect(found.codes).not.toContain('connection-lost');
  });

  it('finds its replay socket beside it, which says what it is to a DEALER only', async () => {
    const port = await engine();
    const found = await look(port, credentials(plain.password));
    expect(found.findings.find(({ code }) => code === 'replay-none')?.message).toContain(`:${port + 1}`);
  });

  it('names a wrong password as such, and does not print it', async () => {
    const port = await engine();
    const found = await look(port, credentials('wr0ng-S3cret'), '--replay', `127.0.0.1:${port + 1}`);
    expect(found.codes).toContain('credentials-refused');
    expect(found.verdict).toMatch(/wrong user name or password/);
    expect(JSON.stringify(found)).not.toMatch(/S3cret/);
  });

  it('names the settings where the source has none', async () => {
    const found = await look(await engine(), {});
    expect(found.findings[0]).toMatchObject({ code: 'mechanism-mismatch', facts: { mechanism: 'PLAIN' } });
    expect(found.findings[0]?.remedy).toMatch(/plainUsername and plainPassword/);
  });

  it('says so where only the source has one', async () => {
    const port = await freePorts();
    const publisher = new Publisher({ linger: 0 });
    closers.push(() => publisher.close());
    await publisher.bind(`tcp://127.0.0.1:${port}`);
    const found = await look(port, credentials(plain.password));
    expect(found.findings[0]).toMatchObject({ code: 'mechanism-mismatch', facts: { mechanism: 'NULL' } });
    expect(found.findings[0]?.remedy).toMatch(/unset those of the source .plainUsername/);
  });
});

describe('doctor and an engine with CURVE', () => {
  const { bridge, engine: theirs, binds } = curvePairs();
  const keys = { ZMQ_CURVE_SECRET_KEY: bridge.secretKey, ZMQ_CURVE_SERVER_KEY: theirs.publicKey };

  it('hears it with the right keys, and asks its replay socket', async () => {
    const port = await engineWith(binds);
    const found = await look(port, keys, '--replay', `127.0.0.1:${port + 1}`);
    expect(found.codes).toEqual(expect.arrayContaining(['encrypted', 'frames', 'replay-empty']));
    expect(found.codes).not.toContain('credentials-refused');
  });

  it('names wrong keys as such', async () => {
    const found = await look(await engineWith(binds), { ...keys, ZMQ_CURVE_SERVER_KEY: bridge.publicKey });
    expect(found.codes).toEqual(expect.arrayContaining(['encrypted', 'credentials-refused']));
    expect(found.verdict).toMatch(/wrong CURVE keys/);
    expect(JSON.stringify(found)).not.toContain(bridge.secretKey);
  });

  it('names the settings where the source has none', async () => {
    const found = await look(await engineWith(binds), {});
    expect(found.findings[0]).toMatchObject({ code: 'mechanism-mismatch', facts: { mechanism: 'CURVE' } });
    expect(found.findings[0]?.remedy).toMatch(/curveSecretKey.*curveServerKey/);
  });

  it('says so where the engine has none', async () => {
    const found = await look(await engineWith({}), keys);
    expect(found.findings[0]).toMatchObject({ code: 'mechanism-mismatch', facts: { mechanism: 'NULL' } });
  });
});

describe('doctor where engines with credentials dial in', () => {
  async function bound(env: Record<string, string>, dials: object) {
    const port = await freePorts();
    const publisher = new Publisher({ linger: 0, reconnectInterval: 50, ...dials });
    publisher.connect(`tcp://127.0.0.1:${port}`);
    closers.push(() => publisher.close(), sending(publisher));
    return diagnose(['--only', 'sources', '--zmq-port', String(port), '--wait', '1s'], env);
  }

  it('hears those that know it', async () => {
    const found = await bound(credentials(plain.password), plainDials);
    expect(found.codes).toEqual(expect.arrayContaining(['port-free', 'engines', 'frames']));
  });

  it('names a wrong one as such', async () => {
    const found = await bound(credentials('wr0ng-S3cret'), plainDials);
    expect(found.codes).toEqual(['port-free', 'peer-refused', 'engines-refused', 'replay-none']);
    expect(found.verdict).toMatch(/: wrong user name or password\.$/);
    expect(JSON.stringify(found)).not.toMatch(/S3cret/);
  });

  it('says so of one that has none', async () => {
    const found = await bound(credentials(plain.password), {});
    expect(found.findings[2]).toMatchObject({ code: 'engines-refused', facts: { mechanism: 'NULL' } });
    expect(found.verdict).toMatch(/asks for no credentials \(NULL\); the source has PLAIN/);
  });

  it('hears an engine with CURVE, and names one whose key is not allowed', async () => {
    const { bridge, engine: theirs, dials } = curvePairs();
    const keys = { ZMQ_CURVE_SECRET_KEY: bridge.secretKey };
    expect((await bound(keys, dials)).codes).toEqual(expect.arrayContaining(['port-free', 'engines', 'frames']));
    const found = await bound({ ...keys, ZMQ_CURVE_ALLOW: bridge.publicKey }, dials);
    expect(found.codes).toEqual(['port-free', 'peer-refused', 'engines-refused', 'replay-none']);
    expect(found.findings[1]?.message).toContain(
      `127.0.0.1: a peer was turned away: its public key ${theirs.publicKey}`,
    );
    expect(found.verdict).toMatch(/: wrong CURVE keys\.$/);
  });

  it('does not tell the password to whoever has taken their port', async () => {
    const heard: Buffer[] = [];
    const squat = (socket: Socket) => {
      socket.on('data', (bytes) => heard.push(bytes)).on('error', () => undefined);
      socket.write(greeting({ mechanism: 'PLAIN' }));
    };
    const squatter = createServer(squat).listen(0);
    await once(squatter, 'listening');
    closers.push(() => squatter.close());
    const { port } = squatter.address() as AddressInfo;
    const found = await diagnose(['--only', 'sources', '--zmq-port', String(port)], credentials(plain.password));
    expect(found.findings[0]).toMatchObject({ code: 'port-held', facts: { socket: null } });
    expect(found.findings[0]?.message).toContain('taken by a ZeroMQ socket with PLAIN');
    expect(heard.length).toBeGreaterThan(0);
    expect(Buffer.concat(heard).toString('latin1')).not.toContain(plain.password);
  });
});
