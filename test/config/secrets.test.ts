import { describe, expect, it } from 'vitest';
import { catalogueOf } from '../../src/config/catalogue.ts';
import { loadConfig } from '../../src/config/load.ts';
import { messageOf } from '../../src/core/errors.ts';
import { sinkModules } from '../../src/sinks/registry.ts';
import { fakes } from './fakes.ts';
import { load, loadYaml, tempFile } from './support.ts';

const canary = 'c4n4ry-S3cret';

/** What loading prints: the error, or the warnings. */
async function printedBy(loading: ReturnType<typeof load>): Promise<string> {
  return loading.then(
    ({ warnings }) => warnings.join('\n'),
    (error: unknown) => messageOf(error),
  );
}

const layers: readonly (readonly [string, Parameters<typeof load>[0]])[] = [
  ['a secret beside an error', { env: { LAMP_PASSWORD: canary, ZMQ_PORT: 'x' } }],
  [
    'a secret in a combination that its sink refuses',
    { env: { SINKS: 'lamp', LAMP_PASSWORD: canary, LAMP_URL: `bad://u:${canary}@h` } },
  ],
  [
    'a URL with a password in such a message',
    { env: { SINKS: 'lamp', LAMP_URL: `bad://u:${encodeURIComponent(`${canary}/@`)}@h` } },
  ],
  ['a secret that is a flag', { flags: { 'lamp-password': canary, 'zmq-port': 'x' } }],
  ['a secret under a misspelt variable', { env: { LAMP_PASWORD: canary, LAMP_PASSWORDS: canary } }],
  ['sources with a password in an endpoint', { env: { SOURCES: `[{"name":"a","bind":"tcp://u:${canary}@h:1"}]` } }],
  [
    'sources with a password where a list belongs',
    { env: { SOURCES: `[{"name":"a","topics":"tcp://u:${canary}@h:1"}]` } },
  ],
  ['sources that are no JSON', { env: { SOURCES: `tcp://u:${canary}@h:1` } }],
  ['a secret in the wrong place of a list', { env: { LAMP_NODES: `lamp://u:${canary}@h,` } }],
];

const files: readonly (readonly [string, string])[] = [
  ['a secret of a wrong type', `lamp: { password: [${canary}] }`],
  ['a secret that is a section', `lamp: { password: { a: ${canary} } }`],
  ['a URL of a wrong type', `lamp: { url: [ "lamp://u:${canary}@h" ] }`],
  ['a URL for its whole section', `lamp: "lamp://u:${canary}@h"`],
  ['a file of one text', canary],
  ['bad syntax after a secret', `lamp:\n  password: "${canary}\n  url: x`],
  ['bad syntax inside a secret', `lamp:\n  password: "\\${canary}"\n`],
  ['a secret that begins like an alias', `lamp: { password: *${canary} }`],
  ['a secret that begins like a tag', `lamp: { password: !${canary} x }`],
  ['a secret that begins like a directive', `%${canary} x\n---\nlamp: 1`],
  ['a secret that begins with @', `lamp: { password: @${canary} }`],
  ['a secret after a closing bracket', `lamp: { password: x } ${canary}`],
  ['a secret with a colon', `lamp:\n  password: a: ${canary}\n`],
];

describe('a secret is never printed', () => {
  it.each(layers)('%s', async (_, given) => {
    const printed = await printedBy(load(given));
    expect(printed).not.toBe('');
    expect(printed).not.toContain(canary);
  });

  it.each(files)('in a file: %s', async (_, yaml) => {
    const printed = await printedBy(loadYaml(yaml));
    expect(printed).toMatch(/^the configuration has/);
    expect(printed).not.toContain(canary);
  });

  it('from a secret file', async () => {
    const env = { SINKS: 'lamp', LAMP_PASSWORD_FILE: tempFile('s', canary), LAMP_URL: 'bad://x' };
    expect(await printedBy(load({ env }))).toMatch(
      /^the configuration has a problem:\n {2}lamp\.url: bad:\/\/x with \*\*\* is bad \(env LAMP_URL\)$/,
    );
  });
});

describe('every setting that is secret', () => {
  const leaves = catalogueOf([...sinkModules, ...fakes.slice(1)]).leaves;

  it('says so: names that sound secret are marked', () => {
    const sounding = leaves.filter(({ path }) => /(?:password|secret|passphrase|token|apiKey|secretKey)$/i.test(path));
    expect(sounding.length).toBeGreaterThan(0);
    expect(sounding.filter(({ setting }) => !setting.secret).map(({ path }) => path)).toEqual([]);
    const urls = leaves.filter(({ path }) => /(?:^|\.|[a-z])url$/i.test(path));
    expect(urls.filter(({ setting }) => !setting.credentials).map(({ path }) => path)).toEqual([]);
  });

  it('is hidden in errors about itself', async () => {
    const secret = leaves.filter(({ setting }) => setting.secret);
    for (const { path } of secret) {
      const nested = path.split('.').reduceRight<unknown>((value, key) => ({ [key]: value }), [canary]);
      const file = tempFile('x.json', JSON.stringify(nested));
      const printed = await printedBy(loadConfig([...sinkModules, ...fakes.slice(1)], { env: {}, flags: {}, file }));
      expect(printed).toContain(path);
      expect(printed).not.toContain(canary);
    }
  });
});
