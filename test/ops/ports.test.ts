import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { freePorts } from '../support/ports.ts';

const range = '/proc/sys/net/ipv4/ip_local_port_range';

it.skipIf(!existsSync(range))('ports for tests lie below those that the system gives out by itself', async () => {
  const lowest = Number(readFileSync(range, 'utf8').split('\t')[0]);
  for (let count = 0; count < 20; count += 1) expect((await freePorts(3)) + 2).toBeLessThan(lowest);
});

it('a port for tests is never one that somebody listens on', async () => {
  const taken = await freePorts();
  const server = createServer().listen(taken);
  await once(server, 'listening');
  // Each is given once, and then all over again.
  for (let count = 0; count < 1_600; count += 1) expect(await freePorts()).not.toBe(taken);
  server.close();
});
