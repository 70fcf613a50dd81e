import type { CacheEvent, WireEvent } from './event.ts';
import { arrayEvent, binEvent, mapEvent } from './event.ts';
import type { CacheHistory } from './history.ts';
import type { WireValue } from './value.ts';
import { hashText } from './value.ts';

/** Every form of an event known from a real publisher, one small batch each. */
export function variants(history: CacheHistory): readonly (() => readonly WireEvent[])[] {
  const stored = () => history.prefill(2);
  const withFields = (fields: CacheEvent['fields']): CacheEvent => {
    const event = stored();
    return { ...event, fields: { ...event.fields, ...fields } };
  };
  const arrays = [5, 6, 7, 8, 9, 11].map((length) => () => [arrayEvent(stored(), length)]);
  const removals = [1, 2, 3].map((length) => () => [arrayEvent(history.remove(4), length)]);
  return [
    ...arrays,
    ...removals,
    () => [arrayEvent(history.clear())],
    () => [mapEvent(stored())],
    () => [mapEvent(history.remove(4)), mapEvent({ type: 'AllBlocksCleared', fields: {} })],
    () => [binEvent(arrayEvent(stored())), binEvent(mapEvent(stored()))],
    () => [arrayEvent(stored()), mapEvent(stored()), binEvent(arrayEvent(stored(), 5))],
    () => [mapEvent(withFields({ block_hashes: [7, 2n ** 64n - 1n, -(2n ** 63n), digest], parent_block_hash: -1 }))],
    () => [arrayEvent(withFields({ block_hashes: [digest], parent_block_hash: 0 }))],
    () => [
      mapEvent(
        withFields({
          extra_keys: [
            ['adapter', ['image-1', -3], 'salt'],
            [digest, 2n ** 60n],
          ],
        }),
      ),
    ],
    () => [mapEvent(withFields({ lora_id: 3, lora_name: 'adapter', medium: 'CPU', group_idx: 1 }))],
    () => [mapEvent(withFields({ locality: 'LOCAL', ownership: 'engine', session_id: 'session-1' }))],
    () => [mapEvent(withFields({ kv_cache_spec_kind: 'sliding_window', kv_cache_spec_sliding_window: 4_096 }))],
    () => [slotSeven({ cache_salt: 'tenant-a' }, { metadata: { cache_salt: 'tenant-a' }, cache_salt: 'tenant-a' })],
    () => [slotSeven(['full', 'swa'], { component_types: ['full', 'swa'] })],
    () => [slotSeven('adapter', { lora_name: 'adapter' })],
    () => [
      mapEvent(
        withFields({
          token_ids: [
            [1, 2],
            [2, 3],
          ],
        }),
      ),
    ],
    () => [arrayEvent(withFields({ token_ids: null, block_size: 0 }))],
    () => [unknownType(), mapEvent(stored())],
    () => [surplus(stored())],
    () => [],
  ];
}

const digest = Buffer.from('00ff102030405060708090a0b0c0d0e0f00102030405060708090a0b0c0d0e0f', 'hex');

/** SGLang has a map or a list of component types where vLLM has the LoRA name. */
function slotSeven(value: WireValue, truth: Readonly<Record<string, string | readonly string[] | object>>): WireEvent {
  const hash = 2n ** 63n + 1n;
  return {
    wire: ['BlockStored', [hash], null, [1, 2], 2, null, 'GPU', value],
    truth: {
      type: 'BlockStored',
      block_hashes: [hashText(hash)],
      parent_block_hash: null,
      token_ids: [1, 2],
      block_size: 2,
      lora_id: null,
      medium: 'GPU',
      ...(truth as Readonly<Record<string, string>>),
    },
  };
}

/** An event type that nobody has heard of; slot 1 has been the hashes in every known type. */
function unknownType(): WireEvent {
  return {
    wire: ['BlockTeleported', [1], { to: 'CPU' }],
    truth: { type: 'BlockTeleported', block_hashes: ['1'], extra: { '#2': { to: 'CPU' } } },
  };
}

/** A later version: one array slot more than anyone knows, one map key more than anyone knows. */
function surplus(event: CacheEvent): WireEvent {
  const { wire, truth } = mapEvent(event);
  const value: WireValue = { nested: [1, null, 'x'] };
  return {
    wire: { ...(wire as Readonly<Record<string, WireValue>>), from_the_future: value },
    truth: { ...truth, extra: { from_the_future: { nested: [1, null, 'x'] } } },
  };
}
