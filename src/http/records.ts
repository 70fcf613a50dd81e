import type { FastifyInstance } from 'fastify';
import { OpenAnswers } from './open-answers.ts';
import { RecordClient } from './record-client.ts';
import { QueryError, readRecordQuery } from './record-query.ts';
import type { Tap } from './tap.ts';

export interface RecordsOptions {
  readonly tap: Tap;
  /** Whether token ids may be shown to those who ask for them. */
  readonly tokens: boolean;
  /** Bytes that may wait for one reader. */
  readonly limit?: number;
}

const defaultLimit = 8_388_608;
const mostReaders = 32;

/** `GET /records`: records as they are emitted, from now on, one JSON document per line; docs/page.md says how. */
export function addRecords(server: FastifyInstance, { tap, tokens, limit = defaultLimit }: RecordsOptions): void {
  const answers = new OpenAnswers(server, mostReaders);
  server.get<{ Querystring: Record<string, unknown> }>('/records', { exposeHeadRoute: false }, (request, reply) => {
    try {
      const query = readRecordQuery(request.query, tokens);
      let client: RecordClient | undefined;
      const answer = answers.begin(reply, 'application/x-ndjson; charset=utf-8', () => {
        if (client !== undefined) tap.remove(client);
      });
      if (answer === null) return;
      client = new RecordClient(query, answer, limit);
      tap.add(client);
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      void reply.code(error.status).send(error.body);
    }
  });
}
