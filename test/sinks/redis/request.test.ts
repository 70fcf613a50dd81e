import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReusedMemory } from '../../../src/core/reused-memory.ts';
import type { Argument } from '../../../src/sinks/redis/request.ts';
import { requestOf } from '../../../src/sinks/redis/request.ts';

/** The arguments of a command, as a server reads them. */
function parsed(bytes: Buffer): Buffer[] {
  let at = 0;
  const line = () => {
    const end = bytes.indexOf('\r\n', at);
    const text = bytes.toString('latin1', at, end);
    at = end + 2;
    return text;
  };
  const count = Number(line().slice(1));
  const args = Array.from({ length: count }, () => {
    const length = Number(line().slice(1));
    const arg = bytes.subarray(at, at + length);
    at += length;
    expect(line()).toBe('');
    return arg;
  });
  expect(at).toBe(bytes.length);
  return args;
}

const whole = (arg: Argument) => (typeof arg === 'string' ? Buffer.from(arg) : Buffer.concat(arg));

describe('a request', () => {
  it('is read by a server as the arguments it was written from, in whatever memory', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)));
    const argument = fc.oneof(fc.string({ unit: 'binary' }), pieces);
    const memory = new ReusedMemory(1);
    fc.assert(
      fc.property(fc.array(argument, { minLength: 1, maxLength: 20 }), fc.boolean(), (args, answered) => {
        const bytes = requestOf(args, memory);
        expect(parsed(bytes)).toEqual(args.map(whole));
        if (answered) memory.give(bytes);
      }),
    );
  });

  it('stands in memory of its own until it was answered', () => {
    const memory = new ReusedMemory(1);
    const first = requestOf(['PING', [Buffer.alloc(1_000, 'a')]], memory);
    const second = requestOf(['PING', 'b'], memory);
    expect(second.buffer).not.toBe(first.buffer);
    expect(parsed(first)).toEqual([Buffer.from('PING'), Buffer.alloc(1_000, 'a')]);
    memory.give(second);
    expect(requestOf(['PING'], memory).buffer).toBe(second.buffer);
  });

  it('gets larger memory where it needs it, which is not kept where it is very large', () => {
    const memory = new ReusedMemory(1);
    const answered = (size: number) => {
      const bytes = requestOf([[Buffer.alloc(size, 'x')]], memory);
      expect(parsed(bytes)[0]?.equals(Buffer.alloc(size, 'x'))).toBe(true);
      memory.give(bytes);
      return bytes.buffer;
    };
    const large = answered(300_000);
    expect(answered(10)).toBe(large);
    expect(answered(400_000)).toBe(large);
    expect(answered(5_000_000)).not.toBe(answered(5_000_000));
  });
});
