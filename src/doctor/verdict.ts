import type { Finding } from '../core/finding.ts';
import { causesOf } from './causes.ts';
import type { GroupFindings } from './examination.ts';

export interface Verdict {
  /** One sentence: whether it works, or the causes why not. */
  readonly sentence: string;
  readonly ok: boolean;
}

/** Findings that mean: no event arrives, though nothing has to be broken. */
const idle = new Set(['frames-none', 'bridge-source-quiet', 'port-held']);
/** Findings that mean the same, and that something has to be mended. */
const noEvents = new Set([
  ...['name-unknown', 'ipc-missing', 'port-closed', 'port-silent', 'host-unreachable', 'not-zeromq', 'peer-mute'],
  ...['peer-hangs-up', 'mechanism-mismatch', 'old-zmtp', 'handshake-failed', 'replay-port', 'other-subscriber'],
  ...['other-socket', 'topic-filter', 'port-taken', 'bind-failed', 'engines-none', 'engines-refused'],
  ...['bridge-source-alone', 'bridge-source-closed', 'ports-swapped'],
]);
/** Events came. */
const arriving = new Set(['frames', 'bridge-source']);

/** `groups` in the order of the data's way. */
export function verdictOf(groups: readonly GroupFindings[], isInterrupted: boolean): Verdict {
  const findings = groups.flatMap((group) => group.findings);
  const failures = findings.filter(({ level }) => level === 'failure');
  const warnings = findings.filter(({ level }) => level === 'warning');
  const ok = failures.length === 0 && !isInterrupted;
  if (isInterrupted) return { sentence: interrupted(groups), ok };
  if (!ok) return { sentence: `${opening(findings, failures)} ${causesOf(groups, 'failure')}.`, ok };
  if (findings.length === 0) return { sentence: 'Nothing was looked at.', ok };
  if (warnings.length === 0) return { sentence: 'Works.', ok };
  const isIdle = warnings.some(({ code }) => idle.has(code)) && !findings.some(({ code }) => arriving.has(code));
  return {
    sentence: `${isIdle ? 'No events so far:' : 'Works, with a warning:'} ${causesOf(groups, 'warning')}.`,
    ok,
  };
}

function opening(findings: readonly Finding[], failures: readonly Finding[]): string {
  const isSilent = failures.some(({ code }) => noEvents.has(code));
  if (!isSilent) return 'Does not work:';
  if (!findings.some(({ code }) => arriving.has(code))) return 'No events:';
  return failures.every(({ code }) => noEvents.has(code)) ? 'Works in part:' : 'Does not work:';
}

function interrupted(groups: readonly GroupFindings[]): string {
  const causes = causesOf(groups, 'failure');
  return `Interrupted: not everything was looked at${causes === '' ? '' : `; so far: ${causes}`}.`;
}
