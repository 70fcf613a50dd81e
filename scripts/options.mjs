import { parseArgs } from 'node:util';

/**
 * The command line of `npm run <script> -- ...`, as `parseArgs` gives it; wrong usage ends the process with 2. `--help` says
 * what the script does, `help`, instead of doing it.
 */
export function readOptions(script, help, { options = {}, ...config } = {}) {
  const parsed = parsedOr(script, { ...config, options: { ...options, help: { type: 'boolean', default: false } } });
  if (!parsed.values.help) return parsed;
  console.log(help);
  return process.exit(0);
}

function parsedOr(script, config) {
  try {
    return parseArgs(config);
  } catch (error) {
    return misused(script, error.message);
  }
}

/** Lets whole numbers from 1 pass. */
export function checkCount(script, option, text) {
  if (!/^[1-9]\d{0,9}$/.test(text))
    misused(script, `--${option} ${JSON.stringify(text)} must be a whole number from 1`);
}

export function misused(script, message) {
  console.error(`error: ${message}; see npm run ${script} -- --help`);
  process.exit(2);
}
