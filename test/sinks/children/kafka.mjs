// Writes batches through the Kafka sink for ever, from where the topic says it stands, and tells on stdout what is
// confirmed: the number of the last batch, a line per write. Arguments: the compiled sources, the configuration as JSON.
const [compiled, overrides] = process.argv.slice(2);
const { kafkaSink } = await import(`${compiled}/sinks/kafka.js`);
const isSetting = (value) => typeof value.doc === 'string';
const defaultsOf = (settings) =>
  Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [key, isSetting(value) ? value.default : defaultsOf(value)]),
  );
const config = { ...defaultsOf(kafkaSink.settings), ...JSON.parse(overrides) };
const sink = await kafkaSink.create(config, { bridge: 'killed', stdout: process.stdout, observe: () => {} });
const epoch = 1_763_800_000_000;
const topic = 'kv@10.0.0.5@m';
const stream = { id: `zmq/${topic}/0`, source: 'zmq', topic, pod: '10.0.0.5', model: 'm', rank: '0' };

function batchOf(number) {
  const lines = [0, 1, 2].map((index) => `{"n":${number},"index":${index}}\n`);
  const ends = lines.map((_, index) => lines.slice(0, index + 1).join('').length);
  const position = (seq) => ({ epoch, seq: BigInt(seq), sub: 0 });
  return {
    stream,
    bytes: Buffer.from(lines.join('')),
    ends,
    covers: null,
    checkpoint: { position: position(number), ts: number, hash: number },
    follows: number === 0 ? null : position(number - 1),
    frames: 1,
    engineTime: null,
    receivedAt: Date.now(),
  };
}

let next = null;
for (;;) {
  try {
    const held = next === null ? (await sink.connect()).get(stream.id) : undefined;
    next ??= held?.position.seq == null ? 0 : Number(held.position.seq) + 1;
    await sink.write(Array.from({ length: 5 }, (_, n) => batchOf(next + n)));
    next += 5;
    process.stdout.write(`${next - 1}\n`);
  } catch (error) {
    if (error.kind === 'fenced') throw error;
    if (error.kind === 'reopen') next = null;
    else if (next !== null) next += error.written;
  }
}
