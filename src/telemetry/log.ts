import pino from 'pino';

export type Log = pino.Logger;

/**
 * The program's log: one JSON object per line with `time` (ISO), `level` (a word) and `msg`. Goes to stderr, since stdout
 * is a sink.
 */
export function createLog(level: pino.LevelWithSilent, destination: NodeJS.WritableStream): Log {
  // Nobody reads the log any more: that alone must not end the bridge.
  destination.on('error', () => {});
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
}
