import type { FastifyInstance } from 'fastify';
import fastify from 'fastify';
import { BridgeError, codeOf, messageOf } from '../core/errors.ts';
import type { StatusSource } from '../core/status.ts';
import { addLive } from './live.ts';
import { addPage } from './page.ts';
import { addRecords } from './records.ts';
import { addStatus } from './status.ts';
import type { Tap } from './tap.ts';

export interface HttpOptions {
  /** `::` listens on IPv6 and IPv4. */
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
}

export interface HttpHandlers {
  readiness(): { readonly ready: boolean };
  metrics(): Promise<{ readonly body: string; readonly contentType: string }>;
  readonly status: StatusSource;
  /** Records as they are emitted. */
  readonly tap: Tap;
  /** Whether token ids may be shown to those who ask for them. */
  readonly tokens: boolean;
}

export interface HttpServer {
  /** `http://host:port` with the port that was taken. */
  readonly address: string;
  /** Also with open connections; ends them. */
  close(): Promise<void>;
}

const routes = ['/livez', '/readyz', '/metrics', '/statusz', '/records', '/live', '/'] as const;

/** Starts probes, metrics and the page. Throws a BridgeError that names the remedy when it cannot listen. */
export async function startHttp(options: HttpOptions, handlers: HttpHandlers): Promise<HttpServer> {
  const start = (host: string) => listen(buildServer(handlers), host, options.port);
  try {
    return await start(options.host);
  } catch (error) {
    const code = codeOf(error);
    if (options.host !== '::' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL'))
      throw cannotListen(options, error);
  }
  // A machine without IPv6.
  try {
    return await start('0.0.0.0');
  } catch (error) {
    throw cannotListen({ ...options, host: '0.0.0.0' }, error);
  }
}

function buildServer({ readiness, metrics, status, tap, tokens }: HttpHandlers): FastifyInstance {
  const server = fastify({ logger: false, forceCloseConnections: true });
  // Alive = this answers: that the event loop runs is all it says, and it goes on saying so while the lanes drain.
  server.get(routes[0], async () => ({ alive: true }));
  server.get(routes[1], async (_, reply) => {
    const state = readiness();
    return reply.code(state.ready ? 200 : 503).send(state);
  });
  server.get(routes[2], async (_, reply) => {
    const { body, contentType } = await metrics();
    return reply.type(contentType).send(body);
  });
  addStatus(server, routes[3], status);
  addRecords(server, { tap, tokens });
  addLive(server, { status, tap });
  addPage(server);
  server.setNotFoundHandler(async (_, reply) => reply.code(404).send({ error: 'not found', routes }));
  return server;
}

async function listen(server: FastifyInstance, host: string, port: number): Promise<HttpServer> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    await server.close();
    throw error;
  }
  const bound = server.server.address();
  const shown = host.includes(':') ? `[${host}]` : host;
  return {
    address: `http://${shown}:${typeof bound === 'object' && bound !== null ? bound.port : port}`,
    close: () => server.close(),
  };
}

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there: choose another http.port (HTTP_PORT), 0 for any free one, or off',
  EACCES: 'ports below 1024 need special rights: choose a higher http.port (HTTP_PORT), or off',
  EADDRNOTAVAIL: 'no interface has this address: correct http.host',
  ENOTFOUND: 'this name has no address: correct http.host',
};

function cannotListen({ host, port }: HttpOptions, error: unknown): BridgeError {
  const remedy = remedies[codeOf(error) ?? ''] ?? 'correct http.host and http.port, or set http.port to off';
  const message = `http: cannot listen on ${host} port ${port} (${messageOf(error)}); ${remedy}`;
  return new BridgeError('HTTP_LISTEN', message, { cause: error });
}
