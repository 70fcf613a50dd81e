import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { waitFor } from './services/service.ts';
import { command, greeting, message, ready } from './zmtp-bytes.ts';

/** One end of a TCP connection on which a test plays a publisher, byte by byte. */
export class ZmtpPeer {
  readonly socket: Socket;
  received: Buffer = Buffer.alloc(0);
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => {
      this.received = Buffer.concat([this.received, bytes]);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  /** `from`: the address that it dials from. */
  static async dial(port: number, host = '127.0.0.1', from?: string): Promise<ZmtpPeer> {
    const socket = connect({ port, host, ...(from !== undefined && { localAddress: from }) });
    await once(socket, 'connect');
    return new ZmtpPeer(socket);
  }

  /** Dials and shakes hands; subscribed when it resolves. */
  static async publisher(port: number, minor = 1): Promise<ZmtpPeer> {
    const peer = await ZmtpPeer.dial(port);
    await peer.shake(minor);
    return peer;
  }

  async shake(minor = 1): Promise<void> {
    this.write(greeting({ minor }), ready());
    await this.gets(minor === 0 ? message('\x01') : command('SUBSCRIBE'));
  }

  write(...bytes: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  /** Resolves once the other end has sent this. */
  gets(bytes: Buffer): Promise<void> {
    return waitFor(() => this.received.includes(bytes), { what: `${bytes.toString('hex')} was sent`, every: 5 });
  }

  closed(): Promise<void> {
    return waitFor(() => this.isClosed, { what: 'the connection was closed', every: 5 });
  }

  end(): void {
    this.socket.destroy();
  }
}

/** A server on which a test plays a publisher that is dialled. */
export class ZmtpListener {
  readonly peers: ZmtpPeer[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.peers.push(new ZmtpPeer(socket)));
  }

  static async listen(port = 0, host = '127.0.0.1'): Promise<ZmtpListener> {
    const server = createServer().listen(port, host);
    await once(server, 'listening');
    return new ZmtpListener(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The peer of this number, once it has dialled. */
  async peer(number: number): Promise<ZmtpPeer> {
    await waitFor(() => this.peers.length > number, { what: `connection ${number} was made`, every: 5 });
    return this.peers[number] as ZmtpPeer;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const peer of this.peers) peer.end();
    await closed;
  }
}
