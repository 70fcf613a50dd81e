// Writes numbered lines through the file sink and says on stdout how many batches are confirmed, a number per line; at the
// end, or at the second error, one JSON line. Arguments: the compiled sources, the folder, the first number, how many
// writes, bytes of a line, more configuration as JSON.
const [compiled, dir, from, writes, size, more] = process.argv.slice(2);
const { fileSink } = await import(`${compiled}/sinks/file.js`);

const defaults = Object.entries(fileSink.settings).map(([key, setting]) => [key, setting.default]);
const config = { ...Object.fromEntries(defaults), ...JSON.parse(more ?? '{}'), dir };
const sink = await fileSink.create(config, { bridge: 'test', stdout: process.stdout, observe: () => {} });
const errors = [];

function batchOf(number) {
  const bytes = Buffer.from(`{"n":${number},"pad":"${'x'.repeat(Number(size))}"}\n`);
  return { bytes, ends: [bytes.length] };
}

async function attempt(call) {
  try {
    await call();
    return true;
  } catch (error) {
    const { name, kind, code, written, message } = error;
    errors.push({ name, kind, code, written, message });
    return false;
  }
}

let next = Number(from);
const end = next + Number(writes);
if (await attempt(() => sink.connect())) {
  while (next < end && errors.length < 2) {
    const batches = [batchOf(next), batchOf(next + 1)];
    if (await attempt(() => sink.write(batches))) {
      next += 2;
      process.stdout.write(`${next}\n`);
    } else {
      next += errors.at(-1).written;
    }
  }
}
await sink.close();
process.stdout.write(`${JSON.stringify({ next, errors })}\n`);
