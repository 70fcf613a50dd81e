import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { catalogueOf } from '../../src/config/catalogue.ts';
import { ConfigError } from '../../src/core/errors.ts';
import { fakes } from './fakes.ts';
import { load, tempFile } from './support.ts';

const { leaves } = catalogueOf(fakes);
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    '',
    '0',
    '5557',
    'true',
    'off',
    'stdout,lamp',
    'lamp',
    '__proto__',
    'constructor',
    '1MiB',
    '10s',
    '[{}]',
    '[null]',
    'null',
  ),
  fc.json().map((json) => json),
);
const anyName = fc.oneof(
  fc.constantFrom(...leaves.flatMap(({ env }) => [env, `${env}_FILE`]), 'CONFIG', 'LISTENER_PORT'),
  fc.constantFrom('LAMP_', 'ZMQ_', '').chain((prefix) => fc.string({ maxLength: 8 }).map((rest) => prefix + rest)),
);
const anyKey = fc.oneof(
  fc.constantFrom(
    ...leaves.flatMap(({ path }) => path.split('.')),
    'a.b',
    '__proto__',
    'prototype',
    'constructor',
    'toString',
    'name',
    'bind',
  ),
  fc.string({ maxLength: 5 }),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.dictionary(anyKey, tie('node'), { maxKeys: 5 }),
  node: fc.oneof(
    { depthSize: 'small' },
    fc.jsonValue({ maxDepth: 1 }),
    anyText,
    tie('tree'),
    fc.array(tie('node'), { maxLength: 3 }),
  ),
}));

/** Loading gives a frozen configuration or a ConfigError that says something, whatever it is given. */
async function neverCrashes(layers: Parameters<typeof load>[0]): Promise<void> {
  try {
    expect(Object.isFrozen((await load(layers)).config)).toBe(true);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.message).toMatch(/^the configuration has (?:a problem|\d+ problems):\n {2}\S/);
  }
  expect(Object.keys(Object.prototype)).toEqual([]);
}

describe('any input at all', () => {
  it('in the environment gives a configuration or a ConfigError', async () => {
    const env = fc.dictionary(anyName, anyText, { maxKeys: 6 });
    await fc.assert(
      fc.asyncProperty(env, (variables) => neverCrashes({ env: variables })),
      { numRuns: 500 },
    );
  });

  it('in flags gives a configuration or a ConfigError', async () => {
    const flags = fc.dictionary(fc.constantFrom(...leaves.map(({ flag }) => flag), '__proto__'), anyText, {
      maxKeys: 6,
    });
    await fc.assert(
      fc.asyncProperty(flags, (given) => neverCrashes({ flags: given })),
      { numRuns: 300 },
    );
  });

  it('in a file of the right shape gives a configuration or a ConfigError', async () => {
    await fc.assert(
      fc.asyncProperty(tree, (content) => neverCrashes({ file: tempFile('x.json', JSON.stringify(content)) })),
      { numRuns: 400 },
    );
  });

  it('in a file of any text gives a configuration or a ConfigError', async () => {
    const lines = fc.array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('zmq:', '  port: 1', '- a', '{', ']', '---', '&a *a', '? x', '!!binary x', '<<: *a', '"'),
      ),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(lines, (text) => neverCrashes({ file: tempFile('x.yaml', text.join('\n')) })),
      { numRuns: 400 },
    );
  });

  it('as sources gives a configuration or a ConfigError', async () => {
    const entry = fc.dictionary(
      fc.constantFrom('name', 'bind', 'connect', 'topics', 'dataParallelSize', '__proto__', 'x'),
      fc.oneof(anyText, fc.jsonValue({ maxDepth: 1 }), fc.constantFrom('tcp://*:1', 'ipc://x', 'a')),
    );
    const sources = fc.array(fc.oneof(entry, fc.jsonValue()), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(sources, (list) => neverCrashes({ env: { SOURCES: JSON.stringify(list) } })),
      { numRuns: 400 },
    );
  });
});
