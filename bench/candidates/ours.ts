import { randomUUID } from 'node:crypto';
import { freePorts } from '../../test/support/ports.ts';
import type { Job } from '../programs/job.ts';
import type { Address } from '../targets/target.ts';
import type { Candidate } from './candidate.ts';
import { listens, Running } from './running.ts';

/** The program as users run it; a test of the bench's own sources would measure something else. */
const main = new URL('../../../dist/main.js', import.meta.url).pathname;

/** The bridge, everything on: sequence check, checkpoints, metrics, HTTP. `env` are settings on top of that. */
export function bridge(name: string, env: Readonly<Record<string, string>> = {}): Candidate {
  const settings = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  return {
    name,
    what: `this project, as it is by default${settings.length === 0 ? '' : ` with ${settings.join(' ')}`}`,
    receives: true,
    delivers: true,
    extraRecords: 1,
    async start(job) {
      const http = await freePorts();
      const running = new Running(
        { command: process.execPath, args: [main], env: { ...settingsOf(job, http), ...env } },
        job,
      );
      await running.until(async () => (await fetch(`http://127.0.0.1:${http}/readyz`)).ok);
      return running;
    },
  };
}

function settingsOf({ port, address }: Job, http: number): Record<string, string> {
  // A name of its own: under the same one it would go on at the checkpoints of the run before.
  const BRIDGE_NAME = `bench-${randomUUID()}`;
  const common = { ZMQ_PORT: String(port), HTTP_PORT: String(http), HTTP_HOST: '127.0.0.1', BRIDGE_NAME };
  return { ...common, SINKS: address.sink, ...sinkSettings(address) };
}

function sinkSettings(address: Address): Record<string, string> {
  switch (address.sink) {
    case 'stdout':
      return {};
    case 'redis':
      return { REDIS_URL: `redis://127.0.0.1:${address.port}`, REDIS_STREAM: address.key };
    case 'kafka':
      return {
        KAFKA_BROKERS: address.brokers.join(','),
        KAFKA_TOPIC: address.topic,
        KAFKA_CREATE_TOPICS: 'true',
      };
  }
}

/** A program of the bench that listens on the port. */
export function program(file: string, rest: Pick<Candidate, 'name' | 'what' | 'delivers'>): Candidate {
  return {
    ...rest,
    receives: true,
    extraRecords: 0,
    async start(job) {
      const running = new Running(node(file, job), job);
      await running.until(() => listens(job.port));
      return running;
    },
  };
}

export const naive = program('naive', {
  name: 'naive',
  what: 'bench/programs/naive.ts: zeromq, @msgpack/msgpack, JSON.stringify, ioredis or kafkajs',
  delivers: true,
});

export const receiveOnly = program('receive-only', {
  name: 'receive only',
  what: 'zeromq alone: every message taken, none read',
  delivers: false,
});

export const writeOnly: Candidate = {
  name: 'write only',
  what: 'the library of the sink alone: ready records, nothing received, nothing checked',
  receives: false,
  delivers: true,
  extraRecords: 0,
  async start(job) {
    const running = new Running(node('write-only', job), job);
    await running.until(async () => running.complaints.includes('ready\n'));
    return running;
  },
};

function node(file: string, job: Job) {
  const script = new URL(`../programs/${file}.js`, import.meta.url).pathname;
  return { command: process.execPath, args: [script, JSON.stringify(job)] };
}
