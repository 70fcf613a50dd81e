import type { Observe } from '../../core/observer.ts';
import type { ZmtpError, ZmtpErrorCode } from './zmtp-error.ts';

/** Of the fact `source-trouble`; `reason` becomes a metric label. */
export interface Trouble {
  readonly reason:
    | 'accept_failed'
    | 'handshake_auth'
    | 'handshake_failed'
    | 'handshake_protocol'
    | 'message_too_large'
    | 'no_heartbeats'
    | 'protocol_error'
    | 'rejected'
    | 'silent'
    | 'too_many_connections'
    | 'unreachable';
  readonly message: string;
}

export interface Witness {
  readonly place: () => { readonly source: string; readonly endpoint: string };
  readonly observe: Observe;
}

const reasons: Readonly<Partial<Record<ZmtpErrorCode, Trouble['reason']>>> = {
  handshake_timeout: 'handshake_failed',
  not_a_publisher: 'rejected',
  credentials: 'handshake_auth',
  refused: 'handshake_auth',
  too_large: 'message_too_large',
  silent: 'silent',
};

/** An error of protocol counts as one of the handshake until that is done. */
export function troubleOf({ code, message }: ZmtpError, wasEstablished: boolean): Trouble {
  if (!wasEstablished && code === 'too_large') return { reason: 'handshake_protocol', message };
  return { reason: reasons[code] ?? (wasEstablished ? 'protocol_error' : 'handshake_protocol'), message };
}

export function sayTrouble({ place, observe }: Witness, peer: string | null, { reason, message }: Trouble): void {
  observe({ fact: 'source-trouble', ...place(), ...(peer !== null && { peer }), reason, message });
}
