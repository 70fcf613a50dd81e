import { Writable } from 'node:stream';
import type { Edge } from '../../src/cli/edge.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { Finding } from '../../src/core/finding.ts';
import { checkFinding } from '../support/findings.ts';

export interface Diagnosis {
  readonly exitCode: number;
  readonly verdict: string;
  readonly ok: boolean;
  readonly findings: readonly (Finding & { readonly group: string })[];
  readonly codes: readonly string[];
}

/** Runs `doctor --json` as main.ts would, with an environment of its own. */
export async function diagnose(argv: readonly string[], env: Edge['env'] = {}): Promise<Diagnosis> {
  const { exitCode, stdout } = await runDoctor([...argv, '--json'], env);
  const document = JSON.parse(stdout) as Omit<Diagnosis, 'exitCode' | 'codes'>;
  for (const finding of document.findings) checkFinding(finding);
  return { ...document, exitCode, codes: document.findings.map(({ code }) => code) };
}

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `onStart` gets what sends the program a signal. `isTTY`: of both streams. */
export async function runDoctor(
  argv: readonly string[],
  env: Edge['env'] = {},
  { onStart, isTTY = false }: { readonly onStart?: (stop: () => void) => void; readonly isTTY?: boolean } = {},
): Promise<Ran> {
  const [stdout, stderr] = [memory(isTTY), memory(isTTY)];
  const onSignal: Edge['onSignal'] = (handler) => onStart?.(() => handler('SIGINT'));
  const environment = { HTTP_PORT: 'off', ...env };
  const exitCode = await runProgram({ argv: ['doctor', ...argv], env: environment, stdout, stderr, onSignal });
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

function memory(isTTY: boolean): Writable & { text(): string } {
  let all = '';
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      all += chunk.toString('utf8');
      done();
    },
  });
  return Object.assign(stream, { isTTY, text: () => all });
}
