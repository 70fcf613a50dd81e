import { onTestFinished } from 'vitest';
import type { HttpServer } from '../../src/http/server.ts';
import { startHttp } from '../../src/http/server.ts';
import { Tap } from '../../src/http/tap.ts';
import { PlayedStatus } from '../page/played-status.ts';

export interface Served {
  readonly server: HttpServer;
  readonly tap: Tap;
  readonly status: PlayedStatus;
}

/** The HTTP server over a state that the test plays; closed when the test ends. */
export async function serve({ tokens = false } = {}): Promise<Served> {
  const tap = new Tap();
  const status = new PlayedStatus();
  const server = await startHttp(
    { host: '127.0.0.1', port: 0 },
    {
      readiness: () => ({ ready: true }),
      metrics: async () => ({ body: '', contentType: 'text/plain' }),
      status,
      tap,
      tokens,
    },
  );
  onTestFinished(() => server.close());
  return { server, tap, status };
}
