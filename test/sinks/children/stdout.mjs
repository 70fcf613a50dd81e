// Writes batches through the stdout sink for ever, or `writes` of them; says on stderr, as one JSON line, how it ended.
// Arguments: the compiled sources, the number of writes, the lines of one write, after how many errors to give up.
import { setTimeout as sleep } from 'node:timers/promises';

const [dir, writes, lines, patience = '2'] = process.argv.slice(2);
const { stdoutSink } = await import(`${dir}/sinks/stdout.js`);

const sink = await stdoutSink.create({ format: 'json' }, { bridge: 'test', stdout: process.stdout, observe: () => {} });
const line = `{"id":"${'x'.repeat(1000)}"}\n`;
const bytes = Buffer.from(line.repeat(Number(lines)));
const ends = Array.from({ length: Number(lines) }, (_, index) => (index + 1) * line.length);
const ending = { done: 0, errors: [] };
await sink.connect();
for (; ending.done < Number(writes); ending.done += 1) {
  try {
    await sink.write([{ bytes, ends }]);
  } catch (error) {
    ending.errors.push({ name: error.name, kind: error.kind, code: error.code, written: error.written });
    if (ending.errors.length === 1) process.stderr.write('{"failed":true}\n');
    if (ending.errors.length === Number(patience)) break;
    ending.done -= 1;
    await sleep(20);
  }
}
await sink.close();
process.stderr.write(`${JSON.stringify(ending)}\n`);
