import { connect } from 'node:net';
import { codeOf } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import type { Examination } from '../../core/sink.ts';
import { kafkaFinding as find } from './examine-findings.ts';
import type { BrokerAddress } from './inside.ts';

/** The brokers whose own word about where they are leads nowhere: the first one answers, and then nothing works. */
export async function advertised(brokers: readonly BrokerAddress[], about: Examination): Promise<readonly Finding[]> {
  const findings = await Promise.all(
    brokers.map(async (broker): Promise<Finding[]> => {
      const { nodeId, host, port } = broker;
      const failure = await connectionTo(broker, about);
      if (failure === null) return [];
      const message = `broker ${nodeId} advertises ${host}:${port}, which cannot be reached from here (${failure})`;
      return [find('kafka-advertised', `broker ${nodeId}`, message, { facts: { host, port, error: failure } })];
    }),
  );
  return findings.flat();
}

function connectionTo({ host, port }: BrokerAddress, { timeout, signal }: Examination): Promise<string | null> {
  const socket = connect({ host, port });
  return new Promise((resolve) => {
    const settle = (failure: string | null) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      socket.destroy();
      resolve(failure);
    };
    const stop = () => settle(null);
    const timer = setTimeout(() => settle('no answer'), timeout);
    signal.addEventListener('abort', stop, { once: true });
    socket.on('connect', () => settle(null)).on('error', (error) => settle(codeOf(error) ?? error.message));
  });
}
