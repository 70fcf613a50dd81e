import { describe, expect, it } from 'vitest';
import type { AnySetting, FormatName } from '../../src/config/formats.ts';
import { expected, fits, formatNames, fromFile, fromText, inUnits } from '../../src/config/formats.ts';

const doc = 'Something.';
const settings: Readonly<Record<FormatName, AnySetting>> = {
  text: { doc, format: 'text', default: null },
  name: { doc, format: 'name', default: null },
  choice: { doc, choices: ['red', 'green'], default: null },
  integer: { doc, format: 'integer', default: null, min: -5, max: 1_000 },
  port: { doc, format: 'port', default: null },
  portOrOff: { doc, format: 'portOrOff', default: null },
  flag: { doc, format: 'flag', default: null },
  list: { doc, format: 'list', default: null },
  bytes: { doc, format: 'bytes', default: null, min: 10 },
  duration: { doc, format: 'duration', default: null, max: 604_800_000 },
  sources: { doc, format: 'sources', default: null },
};

const clean: Readonly<Record<FormatName, readonly (readonly [string, unknown])[]>> = {
  text: [
    ['', ''],
    ['a', 'a'],
    ['5', '5'],
    [' a ', ' a '],
  ],
  name: [
    ['a', 'a'],
    ['0x1F', '0x1F'],
    ['true', 'true'],
  ],
  choice: [
    ['red', 'red'],
    ['green', 'green'],
  ],
  integer: [
    ['0', 0],
    ['-5', -5],
    ['1000', 1_000],
  ],
  port: [
    ['0', 0],
    ['5557', 5_557],
    ['65535', 65_535],
  ],
  portOrOff: [
    ['off', 'off'],
    ['0', 0],
    ['8080', 8_080],
  ],
  flag: [
    ['true', true],
    ['false', false],
  ],
  list: [
    ['a', ['a']],
    ['a, b', ['a', 'b']],
    ['kafka-0:9092,kafka-1:9092', ['kafka-0:9092', 'kafka-1:9092']],
  ],
  bytes: [
    ['10', 10],
    ['10B', 10],
    ['512KiB', 524_288],
    ['32MiB', 33_554_432],
    ['1GiB', 1_073_741_824],
  ],
  duration: [
    ['0', 0],
    ['500', 500],
    ['500ms', 500],
    ['30s', 30_000],
    ['10m', 600_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
  ],
  sources: [
    ['[]', []],
    ['[{"name":"a"}]', [{ name: 'a' }]],
  ],
};

const unclean: Readonly<Record<FormatName, readonly string[]>> = {
  text: [],
  name: ['', '  '],
  choice: ['blue', 'RED', 'red,green', ''],
  integer: [
    '5557abc',
    '1e3',
    '0x1F',
    '1.0',
    '+5',
    ' 5',
    '5 ',
    '05',
    '-0',
    '',
    'NaN',
    '1001',
    '-6',
    '9007199254740993',
    '１',
  ],
  port: ['65536', '-1', '5557abc', 'off', 'http', '5557.0', 'tcp://10.0.0.1:5557'],
  portOrOff: ['Off', 'none', 'false', '65536', '-1'],
  flag: ['0', '1', 'yes', 'no', 'on', 'off', 'TRUE', 'True', ' true', ''],
  list: ['', 'a,', ',a', 'a,,b', ' , '],
  bytes: [
    '9',
    '1KB',
    '1kib',
    '1 KiB',
    '1.5MiB',
    '-1',
    '1TiB',
    '01KiB',
    'KiB',
    '99999999999999GiB',
    '1constructor',
    '1__proto__',
  ],
  duration: ['8d', '1S', '1 s', '1.5h', '-1s', '1w', '1min', 's', '1h30m', '1toString'],
  sources: ['', 'a', '{}', '{"name":"a"}', 'null', '[', '5'],
};

describe('a value given as text', () => {
  it.each(formatNames)('%s: clean text becomes its value', (format) => {
    expect(clean[format].length).toBeGreaterThan(0);
    for (const [text, value] of clean[format]) {
      expect(fromText(format, text)).toEqual(value);
      expect([text, fits(settings[format], fromText(format, text))]).toEqual([text, true]);
    }
  });

  it.each(formatNames)('%s: anything else is refused, never rounded or cut', (format) => {
    for (const text of unclean[format])
      expect([text, fits(settings[format], fromText(format, text))]).toEqual([text, false]);
  });
});

const wrongInFile: Readonly<Record<FormatName, readonly unknown[]>> = {
  text: [5, true, null, [], {}],
  name: [5, '', null],
  choice: [5, 'blue', null, ['red']],
  integer: ['5', 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, true, null, [5]],
  port: ['5557', 65_536, -1, 1.5],
  portOrOff: ['8080', false, null],
  flag: ['true', 0, 1, null],
  list: ['a,b', [''], [1], [null], [['a']], {}],
  bytes: [1.5, -1, '1KB', true, []],
  duration: [1.5, -1, '1w', null],
  sources: ['[]', {}, null],
};

describe('a value given in a file', () => {
  it.each(formatNames)('%s: a value of another type is refused', (format) => {
    for (const value of wrongInFile[format])
      expect([value, fits(settings[format], fromFile(format, value))]).toEqual([value, false]);
  });

  it.each(formatNames)('%s: values of its type are taken', (format) => {
    for (const [, value] of clean[format]) expect(fits(settings[format], fromFile(format, value))).toBe(true);
  });

  it('takes sizes and durations with a unit', () => {
    expect(fromFile('bytes', '32MiB')).toBe(33_554_432);
    expect(fromFile('duration', '30s')).toBe(30_000);
  });
});

describe('what is allowed, in words', () => {
  it('names limits in the unit people write', () => {
    expect(expected(settings.integer)).toBe('a whole number, from -5 to 1000');
    expect(expected(settings.bytes)).toMatch(/1GiB, at least 10$/);
    expect(expected(settings.duration)).toMatch(/, at most 7d$/);
    expect(expected(settings.choice)).toBe('one of red, green');
  });

  it.each([
    ['duration', 0, '0ms'],
    ['duration', 90_000, '90s'],
    ['duration', 1_500, '1500ms'],
    ['bytes', 1_536, '1536'],
    ['bytes', 786_432, '768KiB'],
    ['integer', 1_048_576, '1048576'],
  ] as const)('%s %i is shown as %s', (format, value, text) => {
    expect(inUnits(format, value)).toBe(text);
  });
});
