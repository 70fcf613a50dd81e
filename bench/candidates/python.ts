import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Address, SinkName } from '../targets/target.ts';
import type { Candidate } from './candidate.ts';
import { listens, Running } from './running.ts';

const packages: Readonly<Record<SinkName | 'all', readonly string[]>> = {
  all: ['zmq', 'msgspec'],
  stdout: [],
  redis: ['redis', 'hiredis'],
  kafka: ['confluent_kafka'],
};

export interface Peer {
  readonly python: string;
  /** A program that takes `--port N --sink stdout|redis|kafka` and where the sink is. */
  readonly path: string;
}

/** Why the peer cannot run for these sinks; null where it can. */
export function peerProblem({ python, path }: Peer, sinks: readonly SinkName[]): string | null {
  if (!existsSync(path)) return `there is no file ${path}`;
  const wanted = [...packages.all, ...sinks.flatMap((sink) => packages[sink])];
  const { status, stderr, error } = spawnSync(python, ['-c', `import ${wanted.join(', ')}`], { encoding: 'utf8' });
  if (error !== undefined) return `${python} cannot be started: ${error.message}`;
  return status === 0 ? null : `${python}: ${stderr.trim().split('\n').at(-1)} (needs ${wanted.join(', ')})`;
}

export function python({ python: command, path }: Peer): Candidate {
  return {
    name: 'python',
    what: 'a tuned Python bridge: pyzmq, msgspec, hiredis or confluent-kafka (librdkafka)',
    receives: true,
    delivers: true,
    extraRecords: 0,
    async start(job) {
      const args = [path, '--port', String(job.port), ...sinkArguments(job.address)];
      const running = new Running({ command, args }, job);
      await running.until(() => listens(job.port));
      return running;
    },
  };
}

function sinkArguments(address: Address): string[] {
  switch (address.sink) {
    case 'stdout':
      return ['--sink', 'stdout'];
    case 'redis':
      return ['--sink', 'redis', '--redis-port', String(address.port), '--stream', address.key];
    case 'kafka':
      // As the bridge by default: compression would be a difference of settings, not of programs.
      return [
        ...['--sink', 'kafka', '--compression', 'none'],
        ...['--bootstrap', address.brokers.join(','), '--kafka-topic', address.topic],
      ];
  }
}
