import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

interface Schema {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly $defs: Readonly<Record<string, { readonly properties: Readonly<Record<string, unknown>> }>>;
}

const schema = JSON.parse(text('schemas/status.schema.json')) as Schema;
const page = text('docs/status.md');

/** The names in the first column of the table under a heading. */
function fieldsUnder(heading: string): string[] {
  const [, section = ''] = page.split(`\n${heading}\n`);
  const table = section.split(/\n#/)[0]?.split('\n| field | means |\n')[1] ?? '';
  const rows = table.split('\n\n')[0]?.split('\n') ?? [];
  return rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([a-z_]+)`/g)].map(([, name = '']) => name));
}

describe('docs/status.md', () => {
  it.each([
    ['## `/statusz`', schema.properties],
    ['### A source', schema.$defs['source']?.properties],
    ['### A stream', schema.$defs['stream']?.properties],
  ])('explains under "%s" every field, and none else', (heading, properties) => {
    expect(fieldsUnder(heading).sort()).toEqual(Object.keys(properties ?? {}).sort());
  });

  it('explains every field of a sink but its name', () => {
    const known = Object.keys(schema.$defs['sink']?.properties ?? {}).filter((name) => name !== 'name');
    expect(fieldsUnder('### A sink').sort()).toEqual(known.sort());
  });
});
