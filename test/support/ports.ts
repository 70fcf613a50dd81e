import { once } from 'node:events';
import type { Server } from 'node:net';
import { createServer } from 'node:net';

/**
 * Below the ports that systems give out by themselves (Linux from 32768, macOS from 49152): between the choice of a port
 * and its use no connection, and no socket bound to port 0, of any process can take it.
 */
const lowest = 20_000;
/** Test processes that run at the same time choose from parts of their own. */
const parts = 8;
const size = 1_500;

/** Goes through its part from a random place on, since another test run may use the same part. */
class Ports {
  readonly #first = lowest + ((Number(process.env['VITEST_POOL_ID']) || process.pid) % parts) * size;
  #next = Math.floor(Math.random() * size);

  take(span: number): number {
    if (this.#next + span > size) this.#next = 0;
    const port = this.#first + this.#next;
    this.#next += span;
    return port;
  }
}

const ports = new Ports();

/**
 * A port that is free on all addresses, IPv4 and IPv6, right now; so are the `span - 1` ports above it. Given to nobody
 * else before all others of this process were.
 */
export async function freePorts(span = 1): Promise<number> {
  for (let tries = 0; tries < size; tries += 1) {
    const port = ports.take(span);
    if (await areFree(port, span)) return port;
  }
  throw new Error(`nowhere between ${lowest} and ${lowest + parts * size} are ${span} free ports in a row`);
}

async function areFree(port: number, span: number): Promise<boolean> {
  const servers: Server[] = [];
  try {
    for (let offset = 0; offset < span; offset += 1) servers.push(await listen(port + offset));
    return true;
  } catch {
    return false;
  } finally {
    await Promise.all(servers.map((server) => once(server.close(), 'close')));
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port);
  await once(server, 'listening');
  return server;
}
