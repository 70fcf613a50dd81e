import type { Finding } from '../core/finding.ts';

export interface Verdict {
  /** One sentence: whether it works, or the first cause why not. */
  readonly sentence: string;
  readonly ok: boolean;
}

/** Findings that mean: no event arrives, though nothing has to be broken. */
const idle = new Set(['frames-none', 'bridge-source-quiet']);
/** Findings that mean the same, and that something has to be mended. */
const noEvents = new Set([
  ...['name-unknown', 'ipc-missing', 'port-closed', 'port-silent', 'host-unreachable', 'not-zeromq', 'peer-mute'],
  ...['peer-hangs-up', 'mechanism-mismatch', 'old-zmtp', 'handshake-failed', 'replay-port', 'other-subscriber'],
  ...['other-socket', 'topic-filter', 'port-taken', 'bind-failed', 'engines-none', 'bridge-source-alone'],
]);

/** `findings` in the order of the data's way: the first failure is the cause, those behind it may follow from it. */
export function verdictOf(findings: readonly Finding[], isInterrupted: boolean): Verdict {
  const failures = findings.filter(({ level }) => level === 'failure');
  const warnings = findings.filter(({ level }) => level === 'warning');
  const [cause] = failures;
  const ok = cause === undefined && !isInterrupted;
  if (isInterrupted) return { sentence: 'Interrupted: not everything was looked at.', ok };
  if (cause !== undefined)
    return { sentence: `${opening(cause)} ${cause.subject}: ${cause.message}.${others(failures)}`, ok };
  const quiet = warnings.find(({ code }) => idle.has(code));
  if (quiet !== undefined) return { sentence: `No events so far: ${quiet.subject}: ${quiet.message}.`, ok };
  if (findings.length === 0) return { sentence: 'Nothing was looked at.', ok };
  const [warning] = warnings;
  if (warning === undefined) return { sentence: 'Works.', ok };
  const more = warnings.length > 1 ? ` (and ${warnings.length - 1} more)` : '';
  return { sentence: `Works, with a warning: ${warning.subject}: ${warning.message}${more}.`, ok };
}

function opening({ code }: Finding): string {
  return noEvents.has(code) ? 'No events:' : 'Does not work:';
}

function others(failures: readonly Finding[]): string {
  if (failures.length < 2) return '';
  return failures.length === 2 ? ' There is one more failure.' : ` There are ${failures.length - 1} more failures.`;
}
