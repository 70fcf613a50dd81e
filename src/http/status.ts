import type { FastifyInstance } from 'fastify';
import type { StatusQuery, StatusSource } from '../core/status.ts';
import { defaultStreams } from '../core/status.ts';

const mostStreams = 1_000_000;

/** What is wrong with a query, in a form for people and scripts. */
export interface BadQuery {
  readonly error: string;
  readonly key: string;
  readonly value: string;
  readonly remedy: string;
}

/** `/statusz`: the whole state as JSON. */
export function addStatus(server: FastifyInstance, path: string, source: StatusSource): void {
  server.get(path, async (request, reply) => {
    const query = statusQuery(request.query as Readonly<Record<string, unknown>>);
    return 'error' in query ? reply.code(400).send(query) : source.status(query);
  });
}

/** Reads `?streams=N&stream=TEXT`. */
export function statusQuery(query: Readonly<Record<string, unknown>>): StatusQuery | BadQuery {
  for (const [key, value] of Object.entries(query)) {
    if (key !== 'streams' && key !== 'stream') {
      return bad(key, value, 'is no parameter of /statusz', 'known are streams=N and stream=TEXT');
    }
    if (typeof value !== 'string') return bad(key, value, 'is given more than once', 'give it once');
  }
  const { streams = String(defaultStreams), stream = '' } = query as {
    readonly streams?: string;
    readonly stream?: string;
  };
  if (!/^\d{1,7}$/.test(streams) || Number(streams) > mostStreams) {
    const remedy = `write a whole number from 0 to ${mostStreams}, such as /statusz?streams=100`;
    return bad('streams', streams, 'is not a number of streams', remedy);
  }
  return { streams: Number(streams), stream };
}

function bad(key: string, given: unknown, what: string, remedy: string): BadQuery {
  const value = String(given).slice(0, 100);
  return { error: `${key}: ${JSON.stringify(value)} ${what}; ${remedy}`, key, value, remedy };
}
