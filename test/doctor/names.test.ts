import { lookup } from 'node:dns/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Publisher } from 'zeromq';
import { freePorts } from '../support/ports.ts';
import { diagnose } from './support.ts';

vi.mock('node:dns/promises', async (actual) => {
  const real = await actual<typeof import('node:dns/promises')>();
  return { ...real, lookup: vi.fn(real.lookup) };
});

const closers: (() => unknown)[] = [];
afterEach(async () => {
  vi.mocked(lookup).mockReset();
  for (const close of closers.splice(0)) await close();
});

/** What a name server says; the addresses are real. */
function named(...addresses: readonly string[]): void {
  const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  vi.mocked(lookup).mockImplementation((async () => found) as never);
}

async function publishing(port: number, ...hosts: readonly string[]): Promise<void> {
  for (const host of hosts) {
    const publisher = new Publisher({ linger: 0 });
    await publisher.bind(`tcp://${host}:${port}`);
    closers.push(() => publisher.close());
  }
}

const look = (port: number) => diagnose([`engines.test:${port}`, '--wait', '200ms']);

describe('doctor resolves a name', () => {
  it('of many machines: all addresses, and which of them take connections', async () => {
    const port = await freePorts();
    await publishing(port, '127.0.0.1', '127.0.0.3');
    named('127.0.0.1', '127.0.0.2', '127.0.0.3', 'fd00::1');
    const found = await look(port);
    const many = found.findings.find(({ code }) => code === 'name-many');
    expect(many).toMatchObject({ level: 'warning', facts: { name: 'engines.test' } });
    expect(many?.message).toMatch(
      /^engines\.test has 4 addresses: 127\.0\.0\.1 \(open\), 127\.0\.0\.2 \(refused\), 127\.0\.0\.3 \(open\), fd00::1 \(/,
    );
    expect(found.codes).toContain('publisher');
    expect(found.verdict).toContain('several machines behind one name');
  });

  it('of more machines than it dials: still all addresses', async () => {
    const addresses = Array.from({ length: 20 }, (_, index) => `127.0.1.${index + 1}`);
    named(...addresses);
    const found = await look(await freePorts());
    const many = found.findings.find(({ code }) => code === 'name-many');
    expect(many?.facts?.['addresses']).toEqual(addresses);
    expect(many?.message).toContain('127.0.1.20 (not tried)');
    expect(found.codes).toContain('port-closed');
    expect(found.exitCode).toBe(1);
  });

  it('of one machine with both families, of which the engine listens on one', async () => {
    const port = await freePorts();
    await publishing(port, '127.0.0.1');
    named('::1', '127.0.0.1');
    const found = await look(port);
    expect(found.findings[0]).toMatchObject({ code: 'name-resolved', level: 'ok' });
    expect(found.findings[0]?.message).toMatch(/^engines\.test is ::1 \((?!open).*\), 127\.0\.0\.1 \(open\)$/);
    expect(found.codes).toContain('publisher');
  });

  it('that nobody knows, for events and replays: one cause', async () => {
    vi.mocked(lookup).mockRejectedValue(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
    const found = await diagnose(['engines.test', '--replay', 'engines.test:5558', '--wait', '200ms']);
    expect(found.codes).toEqual(['name-unknown', 'replay-unreachable']);
    expect(found.verdict).toBe(
      'No events: tcp://engines.test:5557 and replay tcp://engines.test:5558: the name has no address.',
    );
  });

  it('with a name server that does not answer', async () => {
    vi.mocked(lookup).mockImplementation((() => new Promise(() => undefined)) as never);
    const found = await look(5_557);
    expect(found.findings[0]?.message).toMatch(/no answer for the name engines\.test within \d+ ms/);
  });
});
