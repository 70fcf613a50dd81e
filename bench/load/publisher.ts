import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import zmq from 'zeromq';
import type { Profile } from './profiles.ts';
import { payloadAt, topicOf } from './profiles.ts';
import type { Framed } from './zmtp.ts';
import { countFrames, frameMessage, greeting, greetingBytes, ready } from './zmtp.ts';

/** One engine: sends the batches of its stream in order. Nothing is ever dropped; a slow reader stops it. */
export interface Publisher {
  /** Sends numbers `from` to `to` - 1; resolves when it may send more. */
  flood(from: number, to: number): Promise<void>;
  /** Sends one batch with the time in it. */
  send(seq: number, seconds: number): void;
  close(): void;
}

/** Resolves once the other side has subscribed. */
export type Dial = (port: number, profile: Profile, stream: number) => Promise<Publisher>;

/** Large enough that the system call costs nothing beside the bytes, small enough to fill up steadily. */
const chunkBytes = 262_144;

/** Writes ready frames to a TCP socket: about a tenth of libzmq's cost, and back-pressure instead of a high-water mark. */
export const dialRaw: Dial = async (port, profile, stream) => {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  socket.write(greeting());
  socket.write(ready());
  await subscribed(socket);
  socket.resume();
  const topic = topicOf(stream);
  const framed = new Map(profile.payloads.map((payload) => [payload, frameMessage(topic, payload.bytes)]));
  const messageOf = (seq: number) => framed.get(payloadAt(profile, stream, seq)) as Framed;
  return {
    async flood(from, to) {
      let seq = from;
      while (seq < to) {
        const chunk: Buffer[] = [];
        for (let bytes = 0; seq < to && bytes < chunkBytes; seq += 1) {
          const message = messageOf(seq);
          chunk.push(numbered(message, seq));
          bytes += message.bytes.length;
        }
        if (!socket.write(Buffer.concat(chunk))) await once(socket, 'drain');
      }
    },
    send(seq, seconds) {
      const message = messageOf(seq);
      const bytes = numbered(message, seq);
      bytes.writeDoubleBE(seconds, message.payloadAt + 2);
      socket.write(bytes);
    },
    close: () => socket.destroy(),
  };
};

/** A real libzmq publisher without a high-water mark: what is not yet sent waits in its memory. */
export const dialLibzmq: Dial = async (port, profile, stream) => {
  // XPUB tells of the subscription; PUB would have to guess when it may begin.
  const socket = new zmq.XPublisher({ sendHighWaterMark: 0, linger: 0 });
  socket.connect(`tcp://127.0.0.1:${port}`);
  await socket.receive();
  const topic = Buffer.from(topicOf(stream));
  const parts = (seq: number, payload: Buffer) => {
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(BigInt(seq));
    return [topic, number, payload];
  };
  const payloadOf = (seq: number) => payloadAt(profile, stream, seq).bytes;
  return {
    async flood(from, to) {
      for (let seq = from; seq < to; seq += 1) await socket.send(parts(seq, payloadOf(seq)));
    },
    send(seq, seconds) {
      const payload = Buffer.from(payloadOf(seq));
      payload.writeDoubleBE(seconds, 2);
      socket.send(parts(seq, payload)).catch(() => {});
    },
    close: () => socket.close(),
  };
};

/** A copy: the bytes before may still wait in the socket's queue. */
function numbered({ bytes, seqAt }: Framed, seq: number): Buffer {
  const copy = Buffer.allocUnsafe(bytes.length);
  bytes.copy(copy);
  copy.writeUInt32BE(seq, seqAt + 4);
  return copy;
}

function subscribed(socket: Socket): Promise<void> {
  let heard = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    socket.once('error', reject).once('close', () => reject(new Error('the receiver hung up during the handshake')));
    socket.on('data', function listen(bytes: Buffer) {
      heard = Buffer.concat([heard, bytes]);
      if (heard.length < greetingBytes || countFrames(heard.subarray(greetingBytes)) < 2) return;
      socket.off('data', listen);
      resolve();
    });
  });
}
