import { describe, expect, it } from 'vitest';
import { readTopic } from '../../src/wire/topic.ts';

function topic(text: string) {
  return readTopic(Buffer.from(text));
}

describe('a topic', () => {
  it.each([
    ['kv@10.0.0.5@Qwen/Qwen3-0.6B', '10.0.0.5', 'Qwen/Qwen3-0.6B'],
    ['kv@10.0.0.1:8000@org/m', '10.0.0.1:8000', 'org/m'],
    ['kv@fd00::5:8000@org/m', 'fd00::5:8000', 'org/m'],
    ['kv@$localhost:8000@m', '$localhost:8000', 'm'],
    ['kv@pod@org/m@rev@2', 'pod', 'org/m@rev@2'],
    ['kv@pöd@モデル', 'pöd', 'モデル'],
  ])('%s names pod and model', (text, pod, model) => {
    expect(topic(text)).toEqual({ text, suffix: null, pod, model });
  });

  it.each(['', 'kv-events', 'kv@', 'kv@pod', 'kv@pod@', 'kv@@model', 'kv@@', 'KV@pod@model', 'xkv@pod@model'])(
    '"%s" names neither pod nor model',
    (text) => {
      expect(topic(text)).toEqual({ text, suffix: null, pod: null, model: null });
    },
  );

  it('becomes 0x and hex where it is not UTF-8, or looks like that', () => {
    expect(readTopic(Buffer.from([0xff, 0x61])).text).toBe('0xff61');
    expect(topic('0xff61').text).toBe('0x307866663631');
    expect(topic('0x').text).toBe('0x3078');
  });

  it('ends at the first NUL; what follows is its suffix', () => {
    expect(topic('kv@p@m\0sgl-kv-epoch=0af3\0flag\0a=b=c\0')).toEqual({
      text: 'kv@p@m',
      suffix: { 'sgl-kv-epoch': '0af3', flag: null, a: 'b=c' },
      pod: 'p',
      model: 'm',
    });
    expect(topic('kv\0').suffix).toBeNull();
  });

  it('keeps a suffix that is hostile or not UTF-8', () => {
    expect(Object.entries(topic('kv\0__proto__=1').suffix ?? {})).toEqual([['__proto__', '1']]);
    expect(readTopic(Buffer.from([0x6b, 0, 0xfe, 0x3d])).suffix).toEqual({ '0xfe3d': null });
  });
});
