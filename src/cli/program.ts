import { Command, CommanderError } from 'commander';
import { shownArgument } from '../config/mask.ts';
import { suggestion } from '../config/nearest.ts';
import { ConfigError, messageOf } from '../core/errors.ts';
import { addCaptureCommand } from './capture.ts';
import { addCheckConfigCommand } from './check-config.ts';
import { addDoctorCommand } from './doctor.ts';
import type { Edge } from './edge.ts';
import { addInspectCommand } from './inspect.ts';
import { addKeysCommand } from './keys.ts';
import { addReplayCommand } from './replay.ts';
import { addRewindCommand } from './rewind.ts';
import { addRunCommand } from './run.ts';
import { addSchemaCommand } from './schema.ts';
import { addSimulateCommand } from './simulate.ts';
import { addStatsCommand } from './stats.ts';
import { addTailCommand } from './tail.ts';
import { packageVersion } from './version.ts';

const programName = 'kv-event-bridge';
const defaultCommand = 'run';

const helpText = `
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.

Environment, the most used (all settings: ${programName} run --help):
  CONFIG         configuration file, YAML or JSON
  ZMQ_PORT       port that engines publish to (5557)
  SINKS          where records go: stdout, file, redis, kafka; several separated by commas (stdout)
  REDIS_URL      e.g. redis://redis:6379
  KAFKA_BROKERS  e.g. kafka-0:9092,kafka-1:9092
  FILE_DIR       folder of the file sink (./data)
  HTTP_PORT      health and metrics; off for none (8080)
  LOG_LEVEL      trace, debug, info, warn, error, fatal or silent (info)

Examples:
  ${programName}                                  events of engines on port 5557 as JSON lines on stdout
  SINKS=redis REDIS_URL=redis://redis:6379 ${programName} run
  ${programName} check-config --config bridge.yaml`;

/** Runs one command and gives its exit code. Every command calls `done` once, when it has finished, or throws. */
export async function runProgram(edge: Edge): Promise<number> {
  let done: (exitCode: number) => void = () => {};
  const finished = new Promise<number>((resolve) => {
    done = resolve;
  });
  const program = programOf(edge, done);
  try {
    checkCommandName(program, edge.argv);
    await program.parseAsync([...edge.argv], { from: 'user' });
    return await finished;
  } catch (error) {
    return reported(error, program, edge);
  }
}

function programOf(edge: Edge, done: (exitCode: number) => void): Command {
  const program = new Command(programName)
    .description(
      'Takes KV-cache events of LLM engines over ZeroMQ and appends them as JSON to stdout, files, Redis Streams and Kafka.',
    )
    .usage('[command] [options]')
    .version(packageVersion())
    .addHelpText('after', helpText)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => edge.stdout.write(text),
      writeErr: (text) => edge.stderr.write(text),
      outputError: () => {},
      getOutHelpWidth: () => 110,
    });
  addRunCommand(program, edge, done);
  addSimulateCommand(program, edge, done);
  addCheckConfigCommand(program, edge, done);
  addDoctorCommand(program, edge, done);
  addSchemaCommand(program, edge, done);
  addTailCommand(program, edge, done);
  addStatsCommand(program, edge, done);
  addCaptureCommand(program, edge, done);
  addReplayCommand(program, edge, done);
  addInspectCommand(program, edge, done);
  addRewindCommand(program, edge, done);
  addKeysCommand(program, edge, done);
  return program;
}

/** Words that are no command would otherwise be taken for arguments of the default command. */
function checkCommandName(program: Command, [first, second]: readonly string[]): void {
  const known = [...program.commands.map((command) => command.name()), 'help'];
  const word = first === 'help' ? second : first;
  if (word === undefined || word.startsWith('-') || known.includes(word)) return;
  throw new ConfigError(`unknown command ${shownArgument(word)}; ${suggestion(word, known)}`);
}

function reported(error: unknown, program: Command, edge: Edge): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    edge.stderr.write(`${programName}: ${usageMessage(error, program, edge)}\n`);
    return 2;
  }
  edge.stderr.write(`${programName}: ${messageOf(error)}\n`);
  return error instanceof ConfigError ? 2 : 1;
}

/** The library repeats an unknown option with its value, which may be a secret. */
function usageMessage(error: CommanderError, program: Command, edge: Edge): string {
  const command = commandNamed(edge.argv[0] ?? '', program) ?? commandNamed(defaultCommand, program) ?? program;
  const help = `see ${programName} ${command === program ? '' : `${command.name()} `}--help`;
  const option = error.code === 'commander.unknownOption' ? /'(-[^'=]*)/.exec(error.message)?.[1] : undefined;
  if (option === undefined) return `${error.message.replace(/^error: |\.$/g, '')}; ${help}`;
  const known = command.options.flatMap(({ long }) => long ?? []);
  const hint = suggestion(option, known);
  return `unknown option ${option}; ${hint.startsWith('known') ? help : hint}`;
}

function commandNamed(name: string, program: Command): Command | undefined {
  return program.commands.find((command) => command.name() === name);
}
