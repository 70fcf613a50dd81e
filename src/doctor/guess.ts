import type { Traits } from './traits.ts';

export interface Numbers {
  readonly hasSeq: boolean;
  /** The first number that was seen; of a publisher that we joined late it says nothing. */
  readonly first: bigint | null;
}

/**
 * Which engine writes like that. Nothing on the wire says it, so this is a guess from the layout; null where several are
 * equally likely or nothing was seen.
 */
export function guessEngine(traits: Traits, numbers: Numbers): string | null {
  const { encodings, fields, types } = traits;
  if (encodings.has('bin_array') || encodings.has('bin_map')) return 'the file-system backend of llm-d';
  if (traits.isMilliseconds) return 'Mooncake';
  if (types.has('BlockTransferred') || (encodings.size > 0 && !numbers.hasSeq)) return 'ROCm ATOM';
  if (fields.size === 0) return null;
  return encodings.has('map') ? guessMaps(traits, numbers) : guessArrays(traits, numbers);
}

function guessMaps({ fields, hashes, batches }: Traits, { first }: Numbers): string | null {
  if (fields.has('mm_keys')) return 'TensorRT-LLM';
  if (fields.has('block_mm_infos')) return "Dynamo's publisher for TensorRT-LLM";
  if (fields.has('lookahead_token_ids')) return 'vLLM 0.33 or near';
  if (fields.has('locality')) return 'vLLM 0.26 or newer';
  if (batches.has('map')) return null;
  if (hashes.has('signed integers')) return 'SGLang with maps (0.5.23 or near)';
  if (fields.has('lora_name') && fields.has('medium')) return 'vLLM 0.24 or newer';
  return first === 1n ? 'llm-d-inference-sim with maps' : 'SGLang with maps (0.5.23 or near)';
}

/** The encoder writes all slots of its version, the empty ones at the end as well. */
function guessArrays({ slots, hashes, fields, hasZeroParent }: Traits, { first }: Numbers): string | null {
  const isSigned = hashes.has('signed integers');
  if (fields.has('metadata')) return 'SGLang with salted blocks (0.5.18 or newer)';
  if (slots === 9 && (hasZeroParent || first === 1n)) return 'llm-d-inference-sim';
  if (isSigned) return slots <= 7 ? 'SGLang before its maps (0.5.9 or near)' : null;
  const versions: Readonly<Record<number, string>> = {
    12: 'vLLM 0.21 to 0.23',
    10: 'vLLM 0.19 or 0.20',
    9: 'vLLM 0.15 to 0.18',
    8: 'vLLM 0.13 or 0.14',
    7: 'vLLM 0.10 to 0.12',
    6: 'one of the first vLLM or SGLang with events',
  };
  return versions[slots] ?? null;
}
