import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply } from 'fastify';

/** A half-open connection is noticed after this long without an answer, ms. */
const keepAlive = 30_000;

/** Answers that have no end of their own: at most so many at once, ended when their reader goes away or the server closes. */
export class OpenAnswers {
  readonly #limit: number;
  readonly #open = new Set<ServerResponse>();

  constructor(server: FastifyInstance, limit: number) {
    this.#limit = limit;
    server.addHook('preClose', async () => {
      for (const answer of this.#open) answer.end();
    });
  }

  /** Null where there is no room: the reply has been given then. `onGone` is called once, when nobody reads any more. */
  begin(reply: FastifyReply, contentType: string, onGone: () => void): ServerResponse | null {
    if (this.#open.size >= this.#limit) {
      const error = `${this.#limit} readers are connected already: end one of them, then try again`;
      void reply.code(503).header('retry-after', '5').send({ error });
      return null;
    }
    reply.hijack();
    const answer = reply.raw;
    answer.on('error', () => undefined);
    answer.once('close', () => {
      this.#open.delete(answer);
      onGone();
    });
    this.#open.add(answer);
    answer.socket?.setKeepAlive(true, keepAlive);
    answer.writeHead(200, {
      'content-type': contentType,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // nginx would collect the lines.
      'x-accel-buffering': 'no',
    });
    answer.flushHeaders();
    return answer;
  }
}
