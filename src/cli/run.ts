import type { Command } from 'commander';
import type { StopReport } from '../app.ts';
import { App } from '../app.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { BridgeError, messageOf } from '../core/errors.ts';
import { sinkModules } from '../sinks/registry.ts';
import type { Log } from '../telemetry/log.ts';
import { createLog } from '../telemetry/log.ts';
import { systemClock } from './clock.ts';
import type { Edge } from './edge.ts';
import { guaranteesOf } from './promise.ts';
import { addSettingFlags, layersOf } from './settings-flags.ts';
import { packageVersion } from './version.ts';

/** `run`: the bridge itself, until SIGTERM or SIGINT. */
export function addRunCommand(program: Command, edge: Edge, done: (exitCode: number) => void): void {
  const command = program
    .command('run', { isDefault: true })
    .description('Run the bridge until SIGTERM or SIGINT (the default command).');
  addSettingFlags(command, sinkModules).action(async () => {
    const { config, warnings } = await loadConfig(sinkModules, layersOf(command, sinkModules, edge));
    const log = createLog(config.log.level, edge.stderr);
    for (const warning of warnings) log.warn(warning);
    done(await runBridge(config, edge, log));
  });
}

async function runBridge(config: Config, edge: Edge, log: Log): Promise<number> {
  const stopRequested = new Promise<void>((resolve) => {
    edge.onSignal((signal) => {
      log.info({ signal, drain_ms: config.drainTimeout }, 'stopping: no more frames are taken, lanes drain');
      resolve();
    });
  });
  const app = new App(config, {
    modules: sinkModules,
    version: packageVersion(),
    log,
    stdout: edge.stdout,
    clock: systemClock,
    random: Math.random,
  });
  const failure = await failureOf(async () => {
    await app.start();
    log.info(guaranteesOf(config), 'what this configuration promises and what it cannot');
    const sources = config.sources.map(({ name, mode, endpoint }) => `${name}: ${mode} ${endpoint}`);
    log.info({ name: config.name, sources, sinks: config.sinks, http: app.httpAddress ?? 'off' }, 'running');
    await Promise.race([app.run(), stopRequested]);
  });
  const left = await app.stop();
  return concluded(log, failure, left);
}

async function failureOf(work: () => Promise<void>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error ?? new Error('failed without a reason');
  }
}

/** The last log line and the exit code: 0 when everything was written and nothing failed. */
function concluded(log: Log, failure: unknown, left: StopReport): number {
  const undelivered = Object.fromEntries([...left].filter(([, records]) => records > 0));
  const isComplete = Object.keys(undelivered).length === 0;
  if (failure !== undefined) {
    const code = failure instanceof BridgeError ? failure.code : 'UNEXPECTED';
    log.fatal({ code, undelivered }, `stopped: ${messageOf(failure)}`);
    return 1;
  }
  if (isComplete) log.info('stopped: nothing is left to write');
  else
    log.error(
      { undelivered },
      'stopped before every record was written: the numbers say how many are missing per sink',
    );
  return isComplete ? 0 : 1;
}
