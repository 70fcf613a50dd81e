import type { SourceConfig } from './config.ts';

/** Whether the bridge speaks ZMTP itself; libzmq has the other endpoints, encryption, and those of whoever asks for it. */
export function speaksZmtp({
  transport,
  endpoint,
  security,
}: Pick<SourceConfig, 'transport' | 'endpoint' | 'security'>): boolean {
  if (security.mechanism === 'CURVE') return false;
  return transport === 'auto' ? endpoint.startsWith('tcp:') : transport === 'zmtp';
}

/** What is wrong with how a source tells its engines apart; null where nothing is. */
export function complaintAboutIdentity(source: SourceConfig): string | null {
  if (source.identity !== 'peer' || speaksZmtp(source)) return null;
  return '"peer" needs the address that an engine dials in from, which libzmq does not tell: use "auto" or "topic", or the transport zmtp';
}
