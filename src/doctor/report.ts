import type { Finding, FindingLevel } from '../core/finding.ts';
import type { GroupFindings } from './examination.ts';
import type { Verdict } from './verdict.ts';

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (style: Style, text: string) => string;

const styles: Readonly<Record<FindingLevel, Style>> = {
  ok: 'green',
  note: 'cyan',
  warning: 'yellow',
  failure: 'red',
  skipped: 'dim',
};
const markWidth = 'failure'.length;
const remedied: ReadonlySet<FindingLevel> = new Set(['warning', 'failure', 'note']);

/** A group for people: its title, a line for each finding, the remedy below it. */
export function groupText({ title, findings }: GroupFindings, paint: Paint): string {
  const lines = findings.flatMap((finding) => findingLines(finding, title, paint));
  return `${[paint('bold', clean(title)), ...lines].join('\n')}\n\n`;
}

function findingLines(
  { level, code, subject, message, remedy }: Finding,
  title: string,
  paint: Paint,
): readonly string[] {
  const mark = paint(styles[level], level.padEnd(markWidth));
  // What stands in the title need not be repeated on every line.
  const about = title.includes(subject) ? '' : `${clean(subject)}: `;
  const line = `  ${mark} ${about}${clean(message)} ${paint('dim', `[${code}]`)}`;
  return remedy === null || !remedied.has(level) ? [line] : [line, `  ${' '.repeat(markWidth)} → ${clean(remedy)}`];
}

export function verdictText({ sentence, ok }: Verdict, paint: Paint): string {
  return `${paint('bold', 'Verdict:')} ${paint(ok ? 'green' : 'red', clean(sentence))}\n`;
}

/** The whole examination for a script. */
export function reportJson({ sentence, ok }: Verdict, groups: readonly GroupFindings[]): string {
  const findings = groups.flatMap(({ title, findings }) => findings.map((finding) => ({ group: title, ...finding })));
  return `${JSON.stringify({ verdict: sentence, ok, findings }, null, 2)}\n`;
}

/** Peers choose some of the text: nothing in it may be what a terminal obeys. */
function clean(text: string): string {
  return text.replace(/\p{Cc}/gu, '.');
}
