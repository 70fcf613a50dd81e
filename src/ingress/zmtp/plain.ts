import type { PlainSecurity } from '../../core/security.ts';
import { isSame } from '../credentials.ts';
import type { Command } from './commands.ts';
import { commandFrame, readError } from './commands.ts';
import type { Greeted, Mechanism, Step } from './mechanism.ts';
import { checkMechanism, dataOf, ownMetadata } from './mechanism.ts';
import { ZmtpError } from './zmtp-error.ts';

/** PLAIN (RFC 24) of the side that dials: HELLO, INITIATE. */
export class PlainClient implements Mechanism {
  readonly greeting = { mechanism: 'PLAIN', asServer: false };
  readonly ifSilent = 'it does not answer to user name and password';
  readonly #security: PlainSecurity;
  readonly #type: string;
  #isWelcome = false;

  /** `type`: of socket that this side claims to be. */
  constructor(security: PlainSecurity, type = 'SUB') {
    this.#security = security;
    this.#type = type;
  }

  /** libzmq hangs up where its application says so, and where the application has forgotten to look at passwords. */
  get ifClosed(): ZmtpError {
    return this.#isWelcome
      ? new ZmtpError('bad_handshake', `the peer took the password, and hung up on a ${this.#type}`)
      : new ZmtpError('refused', 'the peer hung up on user name and password: it refuses them, or looks at none');
  }

  begin(peer: Greeted): Buffer {
    checkMechanism(this.greeting, peer);
    const { username, password } = this.#security;
    return commandFrame('HELLO', Buffer.concat([sized(username), sized(password)]));
  }

  take(command: Command): Step {
    if (command.name === 'HELLO') throw sameSide('clients', 'it has to listen as a PLAIN server (plain_server)');
    if (command.name === 'ERROR') throw new ZmtpError('refused', this.#refusal(command));
    if (this.#isWelcome) return { say: null, metadata: dataOf(command, 'READY') };
    dataOf(command, 'WELCOME');
    this.#isWelcome = true;
    return { say: commandFrame('INITIATE', ownMetadata(this.#type)), metadata: null };
  }

  #refusal({ data }: Command): string {
    const { message } = readError(without(data, this.#security.password));
    return this.#isWelcome ? message : `${message}: it refuses user name or password`;
  }
}

/**
 * PLAIN of the side that listens: WELCOME, READY. Whoever has another password gets no ERROR, the connection just ends:
 * after an ERROR libzmq never dials again, not even once the passwords are mended.
 */
export class PlainServer implements Mechanism {
  readonly greeting = { mechanism: 'PLAIN', asServer: true };
  readonly ifClosed = null;
  readonly #security: PlainSecurity;
  #isWelcome = false;

  constructor(security: PlainSecurity) {
    this.#security = security;
  }

  get ifSilent(): string {
    return this.#isWelcome
      ? 'it does not go on after WELCOME'
      : 'it tells no user name: a PLAIN server, as this side is?';
  }

  begin(peer: Greeted): null {
    checkMechanism(this.greeting, peer);
    // libzmq greets as a client even where it is a server.
    if (peer.asServer) throw sameSide('servers', 'it has to dial as a PLAIN client (plain_username, plain_password)');
    return null;
  }

  take(command: Command): Step {
    if (this.#isWelcome) {
      const metadata = dataOf(command, 'INITIATE');
      return { say: commandFrame('READY', ownMetadata('SUB')), metadata };
    }
    if (!this.#admits(dataOf(command, 'HELLO'))) {
      throw new ZmtpError('credentials', 'a peer was turned away: wrong user name or password');
    }
    this.#isWelcome = true;
    return { say: commandFrame('WELCOME', Buffer.alloc(0)), metadata: null };
  }

  #admits(hello: Buffer): boolean {
    const username = textAt(hello, 0);
    const password = textAt(hello, 1 + username.length);
    if (2 + username.length + password.length !== hello.length) throw cutShort();
    const isUser = isSame(username, this.#security.username);
    const isPassword = isSame(password, this.#security.password);
    return isUser && isPassword;
  }
}

/** A server may say what it refuses, and that would stand in the log. */
function without(said: Buffer, secret: string): Buffer {
  const bytes = Buffer.from(secret);
  const rest = Buffer.from(said);
  if (bytes.length === 0) return rest;
  for (let at = rest.indexOf(bytes); at >= 0; at = rest.indexOf(bytes, at + bytes.length)) {
    rest.fill('*', at, at + bytes.length);
  }
  return rest;
}

function sized(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function textAt(data: Buffer, at: number): Buffer {
  const end = at + 1 + (data[at] ?? 0);
  if (at >= data.length || end > data.length) throw cutShort();
  return data.subarray(at + 1, end);
}

function cutShort(): ZmtpError {
  return new ZmtpError('bad_handshake', 'the HELLO of the peer is not one user name and one password');
}

function sameSide(both: string, remedy: string): ZmtpError {
  return new ZmtpError('mechanism', `both sides are PLAIN ${both}: ${remedy}`);
}
