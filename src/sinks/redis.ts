import type { SinkModule } from '../core/sink.ts';
import { checkRedis } from './redis/check.ts';
import { redisSettings } from './redis/settings.ts';

/** Redis Streams: one entry per record, with checkpoints beside them. */
export const redisSink: SinkModule<typeof redisSettings> = {
  name: 'redis',
  settings: redisSettings,
  check: checkRedis,
  async create(config, { bridge, observe }) {
    const { Redis } = await import('ioredis');
    const { RedisSink } = await import('./redis/sink.ts');
    // CLIENT SETNAME takes printable ASCII without spaces.
    const clientName = `kv-event-bridge:${bridge.replaceAll(/[^!-~]/g, '-')}`;
    return new RedisSink({ config, clientName, client: Redis, bridge }, observe);
  },
};
