import { afterEach, describe, expect, it } from 'vitest';
import { Publisher, Router } from 'zeromq';
import { EngineContext, plain, plainDials } from '../support/security.ts';
import { freePorts } from '../support/zmq.ts';
import { diagnose } from './support.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Publishes without end; with a replay socket one port above. */
async function engine(): Promise<number> {
  const guarded = await EngineContext.start();
  const port = await freePorts(2);
  const publisher = new Publisher({ ...guarded.plainBinds, linger: 0 });
  const router = new Router({ ...guarded.plainBinds, linger: 0, receiveTimeout: 100 });
  await publisher.bind(`tcp://127.0.0.1:${port}`);
  await router.bind(`tcp://127.0.0.1:${port + 1}`);
  closers.push(
    () => guarded.close(),
    () => publisher.close(),
    sending(publisher),
    answering(router),
  );
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
  diagnose([`127.0.0.1:${port}`, '--wait', '1s', ...more], env);

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
    expect(found.findings[0]?.remedy).toMatch(/unset plainUsername/);
  });
});

describe('doctor where engines with a password dial in', () => {
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
});
