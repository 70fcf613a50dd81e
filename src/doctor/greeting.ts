import type { Socket } from 'node:net';
import { Buffers } from '../ingress/zmtp/buffers.ts';
import { commandFrame, metadataOf, readCommand, readError, readProperty } from '../ingress/zmtp/commands.ts';
import { command, FrameReader } from '../ingress/zmtp/frame-reader.ts';
import { GreetingReader, greetingOf, opening } from '../ingress/zmtp/greeting.ts';
import { printable, ZmtpError } from '../ingress/zmtp/zmtp-error.ts';
import type { Said } from './conversation.ts';
import { converse } from './conversation.ts';
import type { Address } from './dial.ts';
import { identify, looksLike } from './foreign.ts';
import type { Approach, Patience } from './patience.ts';
import { greetPlain } from './plain-greeting.ts';

/** What answers at the other end of a connection. */
export type Peer =
  | { readonly kind: 'zmq'; readonly type: string; readonly version: string }
  /** It has the mechanism of the source, and what it is it tells only who shows a password (PLAIN) or speaks CURVE. */
  | { readonly kind: 'guarded' }
  /** `own`: that of the source. */
  | { readonly kind: 'mechanism'; readonly mechanism: string; readonly own: string }
  /** It is not content with what the source shows. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'old'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string }
  /** Something else; `like` null where nobody knows what. */
  | { readonly kind: 'foreign'; readonly like: string | null; readonly begins: string }
  | { readonly kind: 'mute' }
  | { readonly kind: 'closed' };

const limits = { frame: 4_096, command: 4_096 };
/** A peer that greets sends READY at once; one that waits for ours first gets it then. */
const readyPatience = 1_000;
const ready = commandFrame('READY', metadataOf({ 'Socket-Type': 'SUB' }));

/**
 * Shakes hands as the source would, up to the point where the kind of the other socket is known; subscribes to nothing. Names
 * its mechanism only after the peer: libzmq would not name another one, and never dial again.
 */
export async function greet(socket: Socket, address: Address, approach: Approach): Promise<Peer> {
  const { security, isReticent = false } = approach;
  const reader = new HandshakeReader(security.mechanism);
  const greeting = greetingOf({ mechanism: security.mechanism, asServer: false });
  const short = { ...approach, answer: readyPatience };
  let heard: Said = { bytes: Buffer.alloc(0), closed: false };
  let said = 0;
  const say = async (words: Buffer, time: Patience, isEnough: () => boolean) => {
    if (heard.closed) return;
    const before = heard.bytes;
    said += words.length;
    const all = (bytes: Buffer) => Buffer.concat([before, bytes]);
    const next = await converse(socket, words, time, (bytes) => reader.read(all(bytes)) !== null || isEnough());
    heard = { bytes: all(next.bytes), closed: next.closed };
  };
  const isOpen = () => reader.read(heard.bytes) === null;
  await say(greeting.subarray(0, opening), short, () => reader.isGreeted);
  if (isOpen() && !(reader.isGreeted && security.mechanism === 'PLAIN'))
    await say(greeting.subarray(opening), short, () => security.mechanism === 'PLAIN' && reader.isGreeted);
  if (security.mechanism === 'PLAIN' && isOpen() && reader.isGreeted) {
    if (isReticent) return { kind: 'guarded' };
    return greetPlain(
      socket,
      { address, security, unsaid: greeting.subarray(said), version: reader.version },
      approach,
    );
  }
  // Somebody who waits for ours before he says what he is.
  if (isOpen() && reader.isGreeted) await say(ready, approach, () => false);
  return reader.read(heard.bytes) ?? (await unheard(address, approach, heard, reader.isGreeted));
}

/** Whoever says too little to be known. */
async function unheard(address: Address, patience: Patience, said: Said, isGreeted: boolean): Promise<Peer> {
  if (isGreeted) return { kind: 'failed', message: 'it greets, and then does not say what kind of socket it is' };
  const brief = { ...patience, answer: Math.min(patience.answer, readyPatience) };
  const like = await identify(address, brief);
  if (like !== null || said.bytes.length > 0) return { kind: 'foreign', like, begins: printable(said.bytes) };
  return { kind: said.closed ? 'closed' : 'mute' };
}

class HandshakeReader {
  /** Of the bytes that were read last. */
  isGreeted = false;
  /** Of ZMTP, once it is greeted. */
  version = '';
  readonly #own: string;

  constructor(own: string) {
    this.#own = own;
  }

  /** Reads all bytes so far from the beginning; null: not enough yet. */
  read(bytes: Buffer): Peer | null {
    this.isGreeted = false;
    try {
      return this.#read(bytes);
    } catch (error) {
      if (!(error instanceof ZmtpError)) throw error;
      if (error.code === 'not_zmtp') return { kind: 'foreign', like: looksLike(bytes), begins: printable(bytes) };
      return { kind: error.code === 'old_version' ? 'old' : 'failed', message: error.message };
    }
  }

  #read(bytes: Buffer): Peer | null {
    const greeting = new GreetingReader();
    const taken = greeting.take(bytes);
    if (!greeting.isComplete) return null;
    this.isGreeted = true;
    this.version = greeting.hasCommands ? '3.1' : '3.0';
    const { mechanism } = greeting;
    if (mechanism !== this.#own) return { kind: 'mechanism', mechanism, own: this.#own };
    if (mechanism === 'CURVE') return { kind: 'guarded' };
    if (mechanism !== 'NULL') return null;
    const frames = new FrameReader(limits, new Buffers());
    frames.feed(bytes.subarray(taken));
    const body = frames.next();
    if (body === null) return null;
    if (frames.flags < command) throw new ZmtpError('bad_handshake', 'it sent a message before READY');
    const { name, data } = readCommand(body);
    if (name === 'ERROR') throw readError(data);
    if (name !== 'READY') throw new ZmtpError('bad_handshake', `it sent ${printable(Buffer.from(name))}, not READY`);
    const type = readProperty(data, 'Socket-Type') ?? 'of no type';
    return { kind: 'zmq', type, version: this.version };
  }
}
