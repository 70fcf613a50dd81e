import type { Command } from 'commander';
import { App } from '../app.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { sinkModules } from '../sinks/registry.ts';
import type { Log } from '../telemetry/log.ts';
import { createLog } from '../telemetry/log.ts';
import type { StopReport } from '../turn.ts';
import { systemClock } from './clock.ts';
import { concluded } from './conclusion.ts';
import type { Edge } from './edge.ts';
import { guaranteesOf } from './promise.ts';
import { addSettingFlags, layersOf } from './settings-flags.ts';
import type { Conclusion } from './supervision.ts';
import { supervise } from './supervision.ts';
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
  const sources = config.sources.map(({ name, mode, endpoint }) => `${name}: ${mode} ${endpoint}`);
  const app: App = new App(config, {
    modules: sinkModules,
    version: packageVersion(),
    log,
    stdout: edge.stdout,
    clock: systemClock,
    random: Math.random,
    onRunning: () => {
      log.info(guaranteesOf(config), 'what this configuration promises and what it cannot');
      log.info({ name: config.name, sources, sinks: config.sinks, http: app.httpAddress ?? 'off' }, 'running');
    },
  });
  const conclusion = await conclusionOf(app, config, stopSignal(app, config, edge, log));
  await app.close();
  return concluded(conclusion, { log, name: config.name, accounting: app.accounting });
}

async function conclusionOf(app: App, config: Config, stopRequested: AbortSignal): Promise<Conclusion<StopReport>> {
  try {
    await app.start();
  } catch (failure) {
    return { end: 'failed', failure, left: new Map() };
  }
  const { observe } = app;
  return supervise({ begin: () => app.begin(), ...config, stopRequested, observe, clock: systemClock });
}

function stopSignal(app: App, config: Config, edge: Edge, log: Log): AbortSignal {
  const stop = new AbortController();
  edge.onSignal((signal) => {
    log.info({ signal, drain_ms: config.drainTimeout }, 'stopping: no more frames are taken, lanes drain');
    app.drain();
    stop.abort();
  });
  return stop.signal;
}
