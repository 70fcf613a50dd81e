import type { FastifyInstance } from 'fastify';
import type { LiveFeedOptions } from './live-feed.ts';
import { LiveFeed } from './live-feed.ts';
import { OpenAnswers } from './open-answers.ts';

const mostReaders = 64;

/**
 * `GET /live`: server-sent events for the page. `status`: the document of `/statusz` without its streams, once a second;
 * `streams`: those that have changed, all at first; `gone`: ids of those that are no longer shown; `records`: the newest.
 */
export function addLive(server: FastifyInstance, options: LiveFeedOptions): void {
  const answers = new OpenAnswers(server, mostReaders);
  const feed = new LiveFeed(options);
  server.get('/live', { exposeHeadRoute: false }, (_, reply) => {
    const { raw } = reply;
    const answer = answers.begin(reply, 'text/event-stream; charset=utf-8', () => feed.remove(raw));
    if (answer !== null) feed.add(answer);
  });
}
