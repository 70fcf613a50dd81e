import type { Context } from 'zeromq';
import { Reply } from 'zeromq';
import { codeOf } from '../../core/errors.ts';
import type { Security } from '../../core/security.ts';
import { toZ85 } from '../../wire/z85.ts';
import { isSame } from '../credentials.ts';
import type { ZapRequest } from './request.ts';
import { readRequest, replyTo } from './request.ts';

export interface ZapHandlerOptions {
  /** One without another handler: libzmq asks whoever is bound to the one address there. */
  readonly context: Context;
  /** What peers have to show. */
  readonly security: Security;
  /** Called synchronously for each peer that is refused. */
  readonly onRefused: (peer: string, why: string) => void;
}

/** Of a CURVE key. */
const keyBytes = 32;
const nothing = Buffer.alloc(0);
const endpoint = 'inproc://zeromq.zap.01';
/** Longest time until the end is noticed. */
const receiveTimeout = 200;

/** Tells libzmq which peers of the bound sockets of a context may come in. */
export class ZapHandler {
  readonly #options: ZapHandlerOptions;
  readonly #socket: Reply;
  #serving: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: ZapHandlerOptions) {
    this.#options = options;
    this.#socket = new Reply({ context: options.context, linger: 0, receiveTimeout });
  }

  /** Before the sockets are bound. */
  async open(): Promise<void> {
    await this.#socket.bind(endpoint);
    this.#serving = this.#serve();
  }

  /** After the sockets are closed. */
  async close(): Promise<void> {
    this.#stopped = true;
    // zeromq 6.8.0 may crash the process when a socket is closed under a pending receive.
    await this.#serving;
    this.#socket.close();
  }

  async #serve(): Promise<void> {
    while (!this.#stopped) {
      const parts = await this.#receive();
      if (parts === null) continue;
      const request = readRequest(parts);
      // A REP has to answer whatever comes before it may go on.
      await this.#socket.send(request === null ? '' : [...replyTo(request, this.#admits(request))]);
    }
  }

  /** Null: nothing yet. */
  async #receive(): Promise<Buffer[] | null> {
    try {
      return await this.#socket.receive();
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') return null;
      throw error;
    }
  }

  #admits({ address, mechanism, credentials }: ZapRequest): boolean {
    const { security, onRefused } = this.#options;
    const why = mechanism === security.mechanism ? whyNot(security, credentials) : `it offers ${mechanism}`;
    if (why !== null) onRefused(address, why);
    return why === null;
  }
}

/** Null for who may come in. */
function whyNot(security: Security, credentials: readonly Buffer[]): string | null {
  const [first = nothing, second = nothing] = credentials;
  switch (security.mechanism) {
    case 'NULL':
      return null;
    case 'PLAIN': {
      const isUser = isSame(first, security.username);
      const isPassword = isSame(second, security.password);
      return isUser && isPassword ? null : 'wrong user name or password';
    }
    case 'CURVE': {
      if (first.length !== keyBytes) return `it shows ${first.length} bytes instead of a public key`;
      const key = toZ85(first);
      const isAllowed = security.allow.length === 0 || security.allow.includes(key);
      return isAllowed ? null : `its public key ${key} is not in curveAllow`;
    }
  }
}
