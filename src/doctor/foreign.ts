import { connect as connectTls } from 'node:tls';
import { ask } from './conversation.ts';
import type { Address } from './dial.ts';
import type { Patience } from './patience.ts';

const texts: readonly (readonly [RegExp, string])[] = [
  [/^HTTP\/\d/, 'an HTTP server'],
  [/^(?:\+PONG|-NOAUTH|-ERR|-DENIED|-LOADING|-MISCONF)/, 'Redis'],
  [/^SSH-/, 'an SSH server'],
  [/^220[ -]/, 'a mail or FTP server'],
  [/^INFO \{/, 'NATS'],
  [/^AMQP/, 'an AMQP broker'],
];
const hexes: readonly (readonly [RegExp, string])[] = [
  // An alert, as to whoever begins with something else than a hello.
  [/^1503/, 'a TLS server'],
  // An empty or short SETTINGS frame of stream 0.
  [/^0000..04..00000000/, 'an HTTP/2 (gRPC) server'],
  [/^.{6}000a3[0-9]2e/, 'MySQL'],
];

/** What speaks like that; null where nobody knows. */
export function looksLike(bytes: Buffer): string | null {
  const [text, hex] = [bytes.toString('latin1'), bytes.toString('hex')];
  const found = texts.find(([pattern]) => pattern.test(text)) ?? hexes.find(([pattern]) => pattern.test(hex));
  return found?.[1] ?? null;
}

/** Redis takes the line as a command with too few arguments, and says so. */
const request = Buffer.from('GET / HTTP/1.0\r\n\r\n');
const correlation = 0x6b76_6562;

/** ApiVersions, version 0: every Kafka answers it, before any login. */
function apiVersions(): Buffer {
  const bytes = Buffer.alloc(14);
  bytes.writeInt32BE(10, 0);
  bytes.writeInt16BE(18, 4);
  bytes.writeInt32BE(correlation, 8);
  bytes.writeInt16BE(-1, 12);
  return bytes;
}

/** Of somebody who had no answer to a ZeroMQ greeting: asks in the languages that are likely. Null where nobody knows. */
export async function identify(address: Address, patience: Patience): Promise<string | null> {
  // At once: whoever hangs would make each of them wait as long as it may.
  const [text, kafka, isTls] = await Promise.all([
    ask(address, request, patience),
    ask(address, apiVersions(), patience),
    speaksTls(address, patience),
  ]);
  const known = looksLike(text);
  if (known !== null) return known;
  if (kafka.length >= 8 && kafka.readInt32BE(4) === correlation) return 'Kafka';
  return isTls ? 'a TLS server' : null;
}

function speaksTls({ host, port }: Address, { answer, signal }: Patience): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  // Nothing is sent and nothing believed: only whether there is TLS at all is asked.
  const socket = connectTls({ host, port, rejectUnauthorized: false });
  return new Promise((resolve) => {
    const settle = (does: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      socket.destroy();
      resolve(does);
    };
    const stop = () => settle(false);
    const timer = setTimeout(stop, answer);
    signal.addEventListener('abort', stop, { once: true });
    socket.on('secureConnect', () => settle(true)).on('error', (error) => settle(/alert/i.test(error.message)));
  });
}
