import { describe, expect, it } from 'vitest';
import { masked, maskUrl, scrubbed, shownEndpoint } from '../../src/config/mask.ts';

describe('maskUrl', () => {
  it.each([
    ['redis://user:hunter2@host:6379/0', 'redis://user:***@host:6379/0'],
    ['redis://:hunter2@host', 'redis://:***@host'],
    ['redis://hunter2@host', 'redis://***@host'],
    ['rediss://u:hunter2:more@[fd00::1]:1', 'rediss://u:***@[fd00::1]:1'],
    ['redis://host:6379', 'redis://host:6379'],
    ['redis://host?password=hunter2&db=1', 'redis://host?password=***&db=1'],
    ['https://u:hunter2@host/token?client_secret=hunter2', 'https://u:***@host/token?client_secret=***'],
    ['redis://u:hun/ter2@host', '***'],
    ['redis://u:hunter2', '***'],
    ['u:hunter2@host', '***'],
    ['redis://u:6379/hunter2@host', '***'],
    ['redis://u:1?hunter2@host', '***'],
    ['redis://u:hun@ter2@host', 'redis://u:***@host'],
    ['//u:hunter2@host', '***'],
    ['hunter2', '***'],
  ])('%s becomes %s', (text, masked) => {
    expect(maskUrl(text)).toBe(masked);
  });
});

describe('masked', () => {
  it('hides passwords in the endpoints of sources and shows their topics', () => {
    const sources = { doc: '', format: 'sources', default: null } as const;
    const one = { name: 'a', bind: 'tcp://u:hunter2@*:5557', topics: ['kv@', 'kv@10.0.0.5@org/m'] };
    expect(masked(sources, [one])).toEqual([{ ...one, bind: 'tcp://u:***@*:5557' }]);
  });
});

describe('an endpoint in an error', () => {
  it.each([
    ['tcp://fd00::7:5557', '"tcp://fd00::7:5557"'],
    ['10.0.0.7:5557', '"10.0.0.7:5557"'],
    ['tcp://u:hunter2@host:5557', '"tcp://u:***@host:5557"'],
    ['u:hunter2@host', '"***"'],
  ])('%s is shown as %s', (text, shown) => {
    expect(shownEndpoint(text)).toBe(shown);
  });
});

describe('scrubbed', () => {
  it('takes every secret out, the longer one first', () => {
    expect(scrubbed('a hunter2more b hunter2', ['hunter2', 'hunter2more', 'a'])).toBe('a *** b ***');
  });
});
