import { command, long } from './frame-reader.ts';
import { printable, ZmtpError } from './zmtp-error.ts';

/** A command, taken apart; `data` is a view. */
export interface Command {
  readonly name: string;
  readonly data: Buffer;
}

/**
 * How libzmq 4.3.5 begins the ERROR of PLAIN: its source has `"\x5ERROR"`, and C takes the first E for a digit of the
 * length. As such a length it is beyond the end of any such command.
 */
const crippledError = Buffer.from('^RROR');

export function readCommand(body: Buffer): Command {
  const end = 1 + (body[0] ?? 0);
  if (end < 2 || end > body.length) {
    if (body.indexOf(crippledError) === 0) return { name: 'ERROR', data: body.subarray(crippledError.length) };
    throw new ZmtpError('bad_command', 'a command has no name');
  }
  return { name: body.toString('latin1', 1, end), data: body.subarray(end) };
}

export function commandFrame(name: string, data: Buffer): Buffer {
  return frameOf(command, Buffer.concat([Buffer.from([name.length]), Buffer.from(name, 'latin1'), data]));
}

/** A frame to be sent: a command, or the one frame of a message. */
export function frameOf(flags: number, body: Buffer): Buffer {
  if (body.length < 256) return Buffer.concat([Buffer.from([flags, body.length]), body]);
  const header = Buffer.alloc(9);
  header[0] = flags | long;
  header.writeUInt32BE(body.length, 5);
  return Buffer.concat([header, body]);
}

/** A peer of ZMTP 3.0 is subscribed to by a message that begins with 1. */
export function subscriptionTo(topic: string, hasCommands: boolean): Buffer {
  const prefix = Buffer.from(topic);
  return hasCommands ? commandFrame('SUBSCRIBE', prefix) : frameOf(0, Buffer.concat([Buffer.from([1]), prefix]));
}

/** PING with a time to live of 0: the peer need not end the connection when nothing more comes. */
export function ping(): Buffer {
  return commandFrame('PING', Buffer.alloc(2));
}

/** At most 16 bytes of context are to be given back. */
export function pong(ping: Buffer): Buffer {
  if (ping.length < 2) throw new ZmtpError('bad_command', 'PING has no time to live');
  return commandFrame('PONG', ping.subarray(2, 18));
}

/** What the peer says in ERROR. */
export function readError(data: Buffer): ZmtpError {
  const reason = printable(data.subarray(1, 1 + (data[0] ?? 0)));
  return new ZmtpError('refused', `the peer ended the connection with ERROR "${reason}"`);
}

export function metadataOf(properties: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(properties).flatMap(([name, value]) => {
      const size = Buffer.alloc(4);
      size.writeUInt32BE(value.length);
      return [Buffer.from([name.length]), Buffer.from(name), size, Buffer.from(value)];
    }),
  );
}

/** The value of one property, whose name may be written in any case; null where there is none. */
export function readProperty(metadata: Buffer, wanted: string): string | null {
  let found: string | null = null;
  for (let at = 0; at < metadata.length; ) {
    const nameEnd = at + 1 + (metadata[at] ?? 0);
    if (nameEnd + 4 > metadata.length) throw cutShort();
    const end = nameEnd + 4 + metadata.readUInt32BE(nameEnd);
    if (end > metadata.length) throw cutShort();
    const name = metadata.toString('latin1', at + 1, nameEnd);
    if (name.toLowerCase() === wanted.toLowerCase()) found = printable(metadata.subarray(nameEnd + 4, end));
    at = end;
  }
  return found;
}

function cutShort(): ZmtpError {
  return new ZmtpError('bad_handshake', 'the metadata of the peer end in the middle of a property');
}
