import type { CapturedSource } from '../../capture/meta.ts';
import type { SourceConfig } from '../../config/config.ts';
import { noSecurity } from '../../core/security.ts';

/**
 * The sources of a capture as the pipeline knows sources: so streams are told apart, and named, as a bridge in the place of
 * the capture would have done. Nothing is asked for again: who could answer is not the publisher of these frames.
 */
export function sourceConfigOf(source: CapturedSource): SourceConfig {
  return {
    ...source,
    topics: [],
    receiveHighWaterMark: 1_000,
    heartbeatInterval: 0,
    heartbeatTimeout: 15_000,
    security: noSecurity,
    replay: null,
  };
}
