import type { Json, JsonObject } from './json.ts';
import { emptyObject } from './json.ts';
import type { MapValue, Value } from './msgpack/value.ts';
import { Ext, Float, RawText } from './msgpack/value.ts';

/**
 * Any msgpack value as JSON. What JSON cannot carry becomes an object with one key that begins with `$`: `$int` (beyond
 * 2^53-1), `$bin`, `$float`, `$ext`, and `$map` for maps with a key that is no text or itself begins with `$`.
 */
export function tagged(value: Value): Json {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value;
  if (typeof value === 'bigint') return { $int: String(value) };
  if (value instanceof Float) return taggedFloat(value.value);
  if (value instanceof RawText) return { $bin: value.bytes.toString('hex') };
  if (Buffer.isBuffer(value)) return { $bin: value.toString('hex') };
  if (value instanceof Ext) return { $ext: [value.type, value.data.toString('hex')] };
  if (value instanceof Map) return taggedMap(value);
  return (value as readonly Value[]).map(tagged);
}

export function taggedMap(map: MapValue): JsonObject {
  const object = emptyObject();
  for (const [key, value] of map) {
    if (typeof key !== 'string' || key.startsWith('$')) {
      return { $map: Array.from(map, ([k, v]) => [tagged(k), tagged(v)]) };
    }
    object[key] = tagged(value);
  }
  return object;
}

function taggedFloat(value: number): Json {
  return Number.isFinite(value) ? value : { $float: String(value) };
}
