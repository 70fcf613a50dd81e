import type { SinkModule } from '../core/sink.ts';
import { checkRedis } from './redis/check.ts';
import { redisSettings } from './redis/settings.ts';

/** Redis Streams: one entry per record, with checkpoints beside them. */
export const redisSink: SinkModule<typeof redisSettings> = {
  name: 'redis',
  settings: redisSettings,
  check: checkRedis,
  async create(config, { bridge, observe }) {
    const library = await import('ioredis');
    const { RedisSink } = await import('./redis/sink.ts');
    return new RedisSink({ config, clientName: clientName(bridge), library, bridge }, observe);
  },
  async *examine(config, about) {
    const library = await import('ioredis');
    const { examineRedis } = await import('./redis/examine.ts');
    yield* examineRedis({ config, clientName: clientName(about.bridge), library }, about);
  },
  async reader(config) {
    const library = await import('ioredis');
    const { RedisReader } = await import('./redis/reader.ts');
    return new RedisReader({ config, clientName: 'kv-event-bridge-reader', library });
  },
  async checkpoints(config, { bridge }) {
    const library = await import('ioredis');
    const { RedisBook } = await import('./redis/book.ts');
    const ours = { clientName: 'kv-event-bridge-book', library };
    return new RedisBook({ config, bridge, bridgeClient: clientName(bridge), ...ours });
  },
};

/** CLIENT SETNAME takes printable ASCII without spaces. */
function clientName(bridge: string): string {
  return `kv-event-bridge:${bridge.replaceAll(/[^!-~]/g, '-')}`;
}
