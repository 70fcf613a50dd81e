import { createRequire } from 'node:module';

interface RequestQueue {
  readonly pending: readonly unknown[];
}

interface RequestQueueClass {
  readonly prototype: { scheduleCheckPendingRequests: (this: RequestQueue) => void };
}

/**
 * Mends one method of kafkajs 2.2.4 (network/requestQueue): with nothing to send it arms a timer with a negative delay
 * again and again, a loop of 1 ms per connection for ever, which on newer Node.js also prints TimeoutNegativeWarning.
 * The timer matters only while requests wait; whatever is queued later arms it itself.
 */
export function quietKafkajs(): void {
  const load = createRequire(import.meta.url);
  const { prototype } = load('kafkajs/src/network/requestQueue') as RequestQueueClass;
  const schedule = prototype.scheduleCheckPendingRequests;
  if (schedule.name === 'whenNeeded') return;
  prototype.scheduleCheckPendingRequests = function whenNeeded() {
    if (this.pending.length > 0) schedule.call(this);
  };
}
