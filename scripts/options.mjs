import { parseArgs } from 'node:util';

/** The command line of `npm run <script> -- ...`, as `parseArgs` gives it; wrong usage ends the process with 2. */
export function readOptions(script, config) {
  try {
    return parseArgs(config);
  } catch (error) {
    return misused(script, error.message);
  }
}

/** For a script that has no options: `--help` says what it does instead of doing it. */
export function readNone(script, what) {
  const { values } = readOptions(script, { options: { help: { type: 'boolean', default: false } } });
  if (!values.help) return;
  console.log(`npm run ${script}\n\n${what}`);
  process.exit(0);
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
