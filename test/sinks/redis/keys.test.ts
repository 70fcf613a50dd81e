import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/core/errors.ts';
import { checkHashTag, Keys, literalPrefix } from '../../../src/sinks/redis/keys.ts';
import { testStream } from '../../support/batches.ts';

describe('Keys', () => {
  it('puts dead letters beside the stream', () => {
    expect(new Keys('kv-events', null).deadLetter).toBe('kv-events:dead-letter');
    expect(new Keys('kv-events:{model}', null).deadLetter).toBe('kv-events:dead-letter');
    expect(new Keys('{kv}:{model}', null).deadLetter).toBe('{kv}:dead-letter');
    expect(new Keys('kv-events', 'lost').deadLetter).toBe('lost');
  });

  it('keeps the checkpoints beside the stream, and lets no other setting take their key', () => {
    expect(new Keys('kv-events:{model}', null).checkpoints).toBe('kv-events:checkpoints');
    expect(new Keys('{kv}:{model}', null).checkpoints).toBe('{kv}:checkpoints');
    expect(() => new Keys('kv', 'kv:checkpoints')).toThrow(/redis\.deadLetter.*reserved/);
  });

  it('renders what an engine says of itself as it is', () => {
    const target = new Keys('kv:{source}/{pod}/{model}/{rank}', null).targetOf(testStream('[fd00::3]:80', null));
    expect(target).toEqual({ ok: true, key: 'kv:zmq/[fd00::3]:80/Qwen/Qwen3-0.6B/unknown' });
  });

  it.each(['dead-letter', 'checkpoints'])('lets no engine write to the key of the %s', (pod) => {
    const target = new Keys('kv-events:{pod}', null).targetOf(testStream(pod));
    expect(target).toMatchObject({ ok: false, reason: 'reserved_target', key: `kv-events:${pod}` });
  });

  it('lets no engine make keys of any length', () => {
    const keys = new Keys('kv:{pod}', null);
    expect(keys.targetOf(testStream('é'.repeat(510)))).toMatchObject({ ok: true });
    expect(keys.targetOf(testStream('é'.repeat(511)))).toMatchObject({ ok: false, reason: 'refused' });
  });

  it.each([
    ['kv-events:checkpoints', null],
    ['lost', 'lost'],
  ])('refuses %s as the stream itself', (stream, deadLetter) => {
    expect(() => new Keys(stream, deadLetter)).toThrow(ConfigError);
  });

  it('knows before the first record what can be known', () => {
    expect(new Keys('kv-events', null).known).toEqual(['kv-events', 'kv-events:dead-letter']);
    expect(new Keys('kv-events:{pod}', null).known).toEqual(['kv-events:dead-letter']);
  });
});

describe('literalPrefix', () => {
  it.each([
    ['kv-events', 'kv-events'],
    ['kv-events:{pod}:{model}', 'kv-events'],
    ['a/b.{pod}', 'a/b'],
    [':{pod}', ':{pod}'],
  ])('of %s is %s', (template, prefix) => {
    expect(literalPrefix(template)).toBe(prefix);
  });
});

describe('checkHashTag', () => {
  it.each(['{kv}', 'all:{kv}:events', '{kv}:{pod}', 'x{kv}{model}'])('takes %s', (stream) => {
    expect(() => checkHashTag(stream, null)).not.toThrow();
  });

  it.each([
    ['kv-events', '"{kv-events}"'],
    ['kv-events:{pod}', '"{kv-events}:{pod}"'],
    ['kv:{pod}:{tag}', '"{kv}:{pod}:{tag}"'],
    ['kv{}', '"{kv}"'],
    ['kv:{{pod}}', '"{kv}:{{pod}}"'],
  ])('shows for %s the key that works: %s', (stream, corrected) => {
    expect(() => checkHashTag(stream, null)).toThrow(corrected);
    expect(() => checkHashTag(corrected.slice(1, -1), null)).not.toThrow();
  });

  it('wants the same tag for the dead letters', () => {
    expect(() => checkHashTag('{kv}', '{kv}:lost')).not.toThrow();
    expect(() => checkHashTag('{kv}', 'lost')).toThrow('"{kv}:dead-letter"');
    expect(() => checkHashTag('{kv}', '{other}:lost')).toThrow(/redis\.deadLetter/);
  });
});
