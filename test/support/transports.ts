import type { SocketOptions, XPublisher } from 'zeromq';
import type { Observe } from '../../src/core/observer.ts';
import type { Security } from '../../src/core/security.ts';
import { noSecurity } from '../../src/core/security.ts';
import type { Source } from '../../src/core/source.ts';
import { ZmqSource } from '../../src/ingress/zmq-source.ts';
import { ZmtpSource } from '../../src/ingress/zmtp/zmtp-source.ts';

/** What all transports understand. */
export interface SourceOptions {
  readonly name: string;
  readonly endpoint: string;
  readonly mode: 'bind' | 'connect';
  readonly topics: readonly string[];
  readonly receiveHighWaterMark: number;
  readonly maxMessageSize: number;
  readonly heartbeatInterval?: number;
  readonly heartbeatTimeout?: number;
  readonly security?: Security;
}

export interface Transport {
  readonly name: string;
  /** Whether the frames say who sent them. */
  readonly knowsPeers: boolean;
  /** That a connected source with heartbeats has to its publisher. */
  readonly connections: number;
  /** What libzmq's publishers need beside it, to be let in and to let in. */
  readonly dials?: SocketOptions<XPublisher>;
  readonly binds?: SocketOptions<XPublisher>;
  /** Bytes that encryption adds to a frame, which `maxMessageSize` counts. */
  readonly overhead?: number;
  create(options: Partial<SourceOptions>, observe: Observe): Source;
}

/** The same with credentials on both sides. */
export function secured(
  transport: Transport,
  security: Security,
  engines: Required<Pick<Transport, 'dials' | 'binds'>>,
): Transport {
  return {
    ...transport,
    ...engines,
    name: `${transport.name} with ${security.mechanism}`,
    create: (options, observe) => transport.create({ security, ...options }, observe),
  };
}

const defaults: SourceOptions = {
  name: 'zmq',
  endpoint: 'tcp://127.0.0.1:0',
  mode: 'bind',
  topics: [''],
  receiveHighWaterMark: 1_000,
  maxMessageSize: 64 * 1024 * 1024,
};

export const libzmq: Transport = {
  name: 'libzmq',
  knowsPeers: false,
  connections: 2,
  create: (options, observe) => new ZmqSource({ ...defaults, ...options }, observe),
};

export const zmtp: Transport = {
  name: 'zmtp',
  knowsPeers: true,
  connections: 1,
  create: ({ security = noSecurity, ...options }, observe) => {
    if (security.mechanism === 'CURVE') throw new Error('zmtp has no CURVE');
    return new ZmtpSource({ ...defaults, ...options, security }, observe);
  },
};

export const transports: readonly Transport[] = [libzmq, zmtp];
