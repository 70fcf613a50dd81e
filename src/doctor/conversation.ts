import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Address } from './dial.ts';
import { dial } from './dial.ts';
import type { Patience } from './patience.ts';

/** What somebody said; `closed`: they ended the connection; else they fell silent, or `isEnough` was content. */
export interface Said {
  readonly bytes: Buffer;
  readonly closed: boolean;
}

const maxBytes = 8_192;

/** Says something, and listens until it is enough, the other end hangs up, or `silence` ms have passed without a byte. */
export function converse(
  socket: Socket,
  say: Buffer,
  { answer: silence, signal }: Pick<Patience, 'answer' | 'signal'>,
  isEnough: (bytes: Buffer) => boolean,
): Promise<Said> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    let last = performance.now();
    const settle = (closed: boolean) => {
      clearInterval(timer);
      signal.removeEventListener('abort', stop);
      socket.off('data', take).off('close', end).off('end', end);
      resolve({ bytes, closed });
    };
    const stop = () => settle(false);
    const end = () => settle(true);
    const take = (chunk: Buffer) => {
      last = performance.now();
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length >= maxBytes || isEnough(bytes)) settle(false);
    };
    const timer = setInterval(() => {
      if (performance.now() - last >= silence) settle(false);
    }, 50);
    signal.addEventListener('abort', stop, { once: true });
    socket.on('data', take).on('close', end).on('end', end);
    if (socket.destroyed) end();
    else if (say.length > 0) socket.write(say);
  });
}

/** The first words of an answer to `say` over a connection of its own; empty where there is none. */
export async function ask(address: Address, say: Buffer, patience: Patience): Promise<Buffer> {
  const dialled = await dial(address, patience);
  if (!dialled.ok) return Buffer.alloc(0);
  try {
    return (await converse(dialled.socket, say, patience, (bytes) => bytes.length >= 8)).bytes;
  } finally {
    dialled.socket.destroy();
  }
}
