import type { SourceConfig } from './config.ts';

/** Whether the bridge speaks ZMTP itself; libzmq has the other endpoints, and those of whoever asks for it. */
export function speaksZmtp({ transport, endpoint }: Pick<SourceConfig, 'transport' | 'endpoint'>): boolean {
  return transport === 'auto' ? endpoint.startsWith('tcp:') : transport === 'zmtp';
}
