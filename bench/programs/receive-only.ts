// The limit of the library that receives: takes every message and does nothing with it. One line after the warm-up, one at the end.
import zmq from 'zeromq';
import { readJob } from './job.ts';

const { port, streams, batches, warmUp } = readJob();
const socket = new zmq.Subscriber();
await socket.bind(`tcp://*:${port}`);
socket.subscribe();
process.on('SIGTERM', () => process.exit(0));

const marks = new Set([streams * warmUp, streams * batches]);
for (let received = 1; ; received += 1) {
  await socket.receive();
  if (marks.has(received)) process.stdout.write(`${JSON.stringify({ received })}\n`);
}
