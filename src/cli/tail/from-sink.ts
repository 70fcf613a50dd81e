import type { ChosenSink } from '../sink-choice.ts';
import type { Take } from './show.ts';

export interface Following {
  readonly from: 'start' | 'end';
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/** Records that a sink has written. */
export async function tailSink(
  { module, config, bridge }: ChosenSink,
  following: Following,
  take: Take,
): Promise<void> {
  const reader = await module.reader?.(config, { bridge });
  if (reader === undefined) throw new Error(`the sink "${module.name}" has no reader`);
  try {
    for await (const { text, place } of reader.records(following)) {
      if (!(await take(text, place))) return;
    }
  } finally {
    await reader.close();
  }
}
