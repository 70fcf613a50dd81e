import type { SinkModule } from '../core/sink.ts';
import { fileSink } from './file.ts';
import { kafkaSink } from './kafka.ts';
import { redisSink } from './redis.ts';
import { stdoutSink } from './stdout.ts';

/** Every sink there is. A new one is one import and one entry here. */
export const sinkModules: readonly SinkModule[] = [stdoutSink, fileSink, redisSink, kafkaSink];
