// Writes numbered lines through the file sink and says on stdout how many batches are confirmed, a number per line; at the
// end, or at the second error, one JSON line. Arguments: the compiled sources, the folder, the number of the first batch
// (`held`: the one behind what the folder holds), how many writes, bytes of a line, lines of a batch, more configuration
// as JSON. Batches go to two streams in turn.
const [compiled, dir, from, writes, size, lines, more] = process.argv.slice(2);
const { fileSink } = await import(`${compiled}/sinks/file.js`);

const defaults = Object.entries(fileSink.settings).map(([key, setting]) => [key, setting.default]);
const config = { ...Object.fromEntries(defaults), ...JSON.parse(more), dir };
const sink = await fileSink.create(config, { bridge: 'test', stdout: process.stdout, observe: () => {} });
const errors = [];
const epoch = 1_763_800_000_000;
const count = Number(lines);

function batchOf(number) {
  const stream = `test/${number % 2}/-`;
  const documents = Array.from({ length: count }, (_, index) => {
    const place = { stream, epoch, seq: String(number), index, count, ts: number / 10 };
    const line = {
      v: 1,
      id: `${stream}@${epoch}.${number}.${index}`,
      type: 'Test',
      ...place,
      n: number * count + index,
    };
    return Buffer.from(`${JSON.stringify({ ...line, pad: 'x'.repeat(Number(size)) })}\n`);
  });
  let end = 0;
  const ends = documents.map((document) => (end += document.length));
  const position = { epoch, seq: BigInt(number), sub: 0 };
  const follows = number < 2 ? null : { ...position, seq: BigInt(number - 2) };
  const checkpoint = { position, ts: number / 10, hash: number };
  return { stream: { id: stream }, bytes: Buffer.concat(documents), ends, checkpoint, follows };
}

async function attempt(call) {
  try {
    return await call();
  } catch (error) {
    const { name, kind, code, written, message } = error;
    errors.push({ name, kind, code, written, message });
    return null;
  }
}

const held = await attempt(() => sink.connect());
const numbers = [...(held ?? [])].map(([, { position }]) => Number(position.seq));
let next = from === 'held' ? Math.max(-1, ...numbers) + 1 : Number(from);
const end = next + Number(writes);
while (held !== null && next < end && errors.length < 2) {
  if (await attempt(() => sink.write([batchOf(next), batchOf(next + 1), batchOf(next + 2)].slice(0, end - next)))) {
    next = Math.min(next + 3, end);
    process.stdout.write(`${next}\n`);
  } else {
    next += errors.at(-1).written;
  }
}
await sink.close();
process.stdout.write(`${JSON.stringify({ next, errors })}\n`);
