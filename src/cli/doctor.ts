import { setMaxListeners } from 'node:events';
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { SinkModule } from '../core/sink.ts';
import { askBridge } from '../doctor/bridge-status.ts';
import type { GroupFindings } from '../doctor/examination.ts';
import { examineAll } from '../doctor/examination.ts';
import type { Group, SinkExamination } from '../doctor/groups.ts';
import { elsewhere, groupsOf } from '../doctor/groups.ts';
import { groupText, reportJson, verdictText } from '../doctor/report.ts';
import type { Verdict } from '../doctor/verdict.ts';
import { verdictOf } from '../doctor/verdict.ts';
import { sinkModules } from '../sinks/registry.ts';
import { countdownOn } from './countdown.ts';
import type { DoctorFlags, DoctorOptions } from './doctor-options.ts';
import { readDoctorFlags, sinksOf, withEndpoints } from './doctor-options.ts';
import type { Edge } from './edge.ts';
import { addSettingFlags, layersOf } from './settings-flags.ts';
import { paintFor } from './style.ts';

const helpText = `
Without endpoints: the sources, replay endpoints and sinks of the configuration, and the bridge that runs with it.
With endpoints (tcp://host:port, host:port or host): those; the sinks only where SINKS names them.

On a port that a source binds, and that is free, doctor listens itself. What engines send meanwhile goes to doctor and not
to a bridge that starts later: use --no-bind where that must not be.

Exit codes: 0 nothing is broken, 1 something is, 2 wrong usage or configuration. docs/doctor.md explains each finding.

Examples:
  kv-event-bridge doctor                                         with the environment of the bridge
  kv-event-bridge doctor engine-7:5557 --replay engine-7:5558    one engine
  kv-event-bridge doctor --only sinks --json`;

/** Milliseconds for one connection or answer. */
const answer = 5_000;
const bridgeAnswer = 2_000;

/** `doctor`: why do no events arrive? Exit code 1 where something is broken. */
export function addDoctorCommand(program: Command, edge: Edge, done: (exitCode: number) => void): void {
  const command = program
    .command('doctor')
    .description('Look at engines, ports and sinks as the bridge would, and say what is wrong and how to mend it.')
    .argument('[endpoint...]', 'Where engines publish, in place of the configured sources.')
    .option('--json', 'Print one JSON document.')
    .option('--wait <duration>', 'How long to wait for frames.', '10s')
    .option('--only <part>', 'Look at sources only, or at sinks only.')
    .option('--replay <endpoint>', 'The replay socket of the one endpoint given.')
    .option('--no-bind', 'Do not listen on ports that sources bind.')
    .addHelpText('after', helpText);
  addSettingFlags(command, sinkModules).action(async (endpoints: readonly string[]) => {
    const flags: DoctorFlags = command.opts();
    const options = readDoctorFlags(flags, endpoints);
    const layers = withEndpoints(layersOf(command, sinkModules, edge), endpoints, flags.replay);
    const { config, origins } = await loadConfig(sinkModules, layers);
    const sinks = options.sinks ? sinksOf(config, endpoints, origins.get('sinks')) : [];
    done(await examine(config, { ...options, sinkNames: sinks, asksBridge: endpoints.length === 0 }, edge));
  });
}

interface Task extends DoctorOptions {
  readonly sinkNames: readonly string[];
  readonly asksBridge: boolean;
}

async function examine(config: Config, task: Task, edge: Edge): Promise<number> {
  const stop = new AbortController();
  const { signal } = stop;
  // Everything that is looked at listens to it; Node takes more than ten for a leak, and says so on stderr.
  setMaxListeners(0, signal);
  edge.onSignal(() => stop.abort());
  const asked = task.asksBridge ? await askBridge(config, { answer: bridgeAnswer, signal }) : null;
  const sinks = sinkExaminations(config, task.sinkNames, signal);
  const scope = { asked, sources: task.sources, binds: task.binds, sinks };
  const groups = groupsOf(config, scope, { answer, wait: task.wait, signal });
  const waits = task.wait > 0 && groups.some((group) => group.waits);
  const countdown = countdownOn(edge.stderr, waits ? task.wait : 0, groups.length);
  const results: GroupFindings[] = [];
  const print = (result: GroupFindings) => {
    results.push(result);
    if (task.isJson || result.findings.length === 0) return;
    countdown.clear();
    edge.stdout.write(groupText(result, paintFor(edge.stdout, edge.env)));
  };
  try {
    await collect(groups, signal, print);
  } finally {
    countdown.stop();
  }
  const doubt = elsewhere(
    config,
    asked,
    results.flatMap(({ findings }) => findings),
  );
  if (doubt !== null) print({ title: `bridge ${config.name}`, findings: [doubt] });
  const verdict = verdictOf(results, signal.aborted);
  conclude(verdict, results, task, edge);
  return verdict.ok ? 0 : 1;
}

/** Ends at once when the signal aborts: what is under way then is nobody's business any more. */
async function collect(
  groups: readonly Group[],
  signal: AbortSignal,
  take: (result: GroupFindings) => void,
): Promise<void> {
  const results = examineAll(groups, signal);
  const aborted = new Promise<null>((resolve) => {
    // Findings that are only a moment away still come out.
    signal.addEventListener('abort', () => setTimeout(() => resolve(null), 700), { once: true });
  });
  for (;;) {
    const next = await Promise.race([results.next(), aborted]);
    if (next === null || next.done) return;
    take(next.value);
  }
}

function conclude(verdict: Verdict, results: readonly GroupFindings[], { isJson }: DoctorOptions, edge: Edge): void {
  const text = isJson ? reportJson(verdict, results) : verdictText(verdict, paintFor(edge.stdout, edge.env));
  edge.stdout.write(text);
}

function sinkExaminations(config: Config, names: readonly string[], signal: AbortSignal): readonly SinkExamination[] {
  return names.flatMap((name) => {
    const module: SinkModule | undefined = sinkModules.find((one) => one.name === name);
    const section = config.sinkConfigs[name] as Parameters<NonNullable<SinkModule['examine']>>[0];
    if (module?.examine === undefined) return [];
    const about = { bridge: config.name, timeout: answer, signal };
    const { examine } = module;
    return [{ name, examine: () => examine.call(module, section, about) }];
  });
}
