import { describe, expect, it } from 'vitest';
import { Numbering } from '../../../src/sinks/redis/numbering.ts';

describe('a numbering', () => {
  it('counts names from 1 in the order in which they come, whether few or many', () => {
    const numbering = new Numbering();
    const names = Array.from({ length: 40 }, (_, index) => `stream ${index % 20}`);
    const given = names.map((name) => numbering.numberOf(name) ?? numbering.add(name));
    const once = Array.from({ length: 20 }, (_, index) => index + 1);
    expect(given).toEqual([...once, ...once]);
    expect(numbering.names).toEqual(names.slice(0, 20));
    expect(numbering.numberOf('another')).toBeUndefined();
  });
});
