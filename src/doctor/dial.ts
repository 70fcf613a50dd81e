import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { codeOf } from '../core/errors.ts';
import type { Patience } from './patience.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Why there is no connection; `aborted`: we were told to stop. */
export type DialFailure = 'refused' | 'silent' | 'unreachable' | 'aborted' | 'other';

export type Dialled =
  | { readonly ok: true; readonly socket: Socket }
  | { readonly ok: false; readonly failure: DialFailure; readonly code: string };

const failures: Readonly<Record<string, DialFailure>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'refused',
  ETIMEDOUT: 'silent',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
};

/** One attempt to connect to one address. Whoever gets the socket destroys it; its errors are swallowed. */
export function dial({ host, port }: Address, { answer, signal }: Patience): Promise<Dialled> {
  if (signal.aborted) return Promise.resolve({ ok: false, failure: 'aborted', code: 'ABORTED' });
  const socket = connect({ host, port });
  return new Promise((resolve) => {
    const settle = (result: Dialled) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      if (!result.ok) socket.destroy();
      resolve(result);
    };
    const stop = () => settle({ ok: false, failure: 'aborted', code: 'ABORTED' });
    const timer = setTimeout(() => settle({ ok: false, failure: 'silent', code: 'TIMEOUT' }), answer);
    signal.addEventListener('abort', stop, { once: true });
    socket.on('connect', () => settle({ ok: true, socket }));
    socket.on('error', (error) => {
      const code = codeOf(error) ?? 'UNKNOWN';
      settle({ ok: false, failure: failures[code] ?? 'other', code });
    });
  });
}
