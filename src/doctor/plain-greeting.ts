import type { Socket } from 'node:net';
import type { PlainSecurity } from '../core/security.ts';
import { Buffers } from '../ingress/zmtp/buffers.ts';
import { readCommand, readProperty } from '../ingress/zmtp/commands.ts';
import { FrameReader } from '../ingress/zmtp/frame-reader.ts';
import { greetingOf } from '../ingress/zmtp/greeting.ts';
import { PlainClient } from '../ingress/zmtp/plain.ts';
import { ZmtpError } from '../ingress/zmtp/zmtp-error.ts';
import { converse } from './conversation.ts';
import type { Address } from './dial.ts';
import { dial } from './dial.ts';
import type { Peer } from './greeting.ts';
import type { Patience } from './patience.ts';

export interface PlainVisit {
  readonly address: Address;
  readonly security: PlainSecurity;
  /** Of our greeting. */
  readonly unsaid: Buffer;
  /** Of ZMTP, the peer's. */
  readonly version: string;
}

const limits = { frame: 4_096, command: 4_096 };
const peerGreeting = { mechanism: 'PLAIN', asServer: true };
const greetingLength = 64;
const nothing = Buffer.alloc(0);

/** Goes on where the peer has greeted with PLAIN, up to the kind of its socket. */
export async function greetPlain(socket: Socket, visit: PlainVisit, patience: Patience): Promise<Peer> {
  const { address, security, version } = visit;
  const peer = await shake(socket, { ...visit, type: 'SUB', skip: 0 }, patience);
  if (peer.kind !== 'failed') return peer;
  // libzmq hangs up on a SUB where it is no publisher, without a word; what it is it tells a DEALER.
  const dialled = await dial(address, patience);
  if (!dialled.ok) return peer;
  try {
    const unsaid = greetingOf({ mechanism: 'PLAIN', asServer: false });
    const again = { security, version, unsaid, type: 'DEALER', skip: greetingLength } as const;
    const other = await shake(dialled.socket, again, patience);
    return other.kind === 'zmq' ? other : peer;
  } finally {
    dialled.socket.destroy();
  }
}

interface Shake extends Omit<PlainVisit, 'address'> {
  /** Of the socket that we claim to be. */
  readonly type: string;
  /** Bytes of the peer's greeting that are still to come. */
  readonly skip: number;
}

async function shake(
  socket: Socket,
  { security, unsaid, version, type, skip }: Shake,
  patience: Patience,
): Promise<Peer> {
  const mechanism = new PlainClient(security, type);
  const commands = new CommandReader(skip);
  try {
    let say: Buffer | null = Buffer.concat([unsaid, mechanism.begin(peerGreeting)]);
    for (;;) {
      const said = await converse(socket, say ?? nothing, patience, (bytes) => commands.has(bytes));
      const body = commands.take();
      if (body === null) throw said.closed ? mechanism.ifClosed : new ZmtpError('bad_handshake', mechanism.ifSilent);
      const step = mechanism.take(readCommand(body));
      say = step.say;
      if (step.metadata === null) continue;
      return { kind: 'zmq', type: readProperty(step.metadata, 'Socket-Type') ?? 'of no type', version };
    }
  } catch (error) {
    if (!(error instanceof ZmtpError)) throw error;
    return { kind: error.code === 'refused' ? 'refused' : 'failed', message: error.message };
  }
}

/** One command at a time, from bytes that come in any pieces. */
class CommandReader {
  #skip: number;
  #body: Buffer | null = null;

  constructor(skip: number) {
    this.#skip = skip;
  }

  /** Whether these bytes, all since the last command, have the next one. Throws `ZmtpError`. */
  has(bytes: Buffer): boolean {
    const frames = new FrameReader(limits, new Buffers());
    frames.feed(bytes.subarray(Math.min(this.#skip, bytes.length)));
    this.#body = frames.next();
    return this.#body !== null;
  }

  take(): Buffer | null {
    const body = this.#body;
    this.#body = null;
    if (body !== null) this.#skip = 0;
    return body;
  }
}
