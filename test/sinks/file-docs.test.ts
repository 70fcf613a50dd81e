import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SinkError } from '../../src/core/errors.ts';
import { problemWith } from '../../src/sinks/file/problem.ts';
import { fileSink } from '../../src/sinks/file.ts';

const page = readFileSync('docs/sinks/file.md', 'utf8');
const sources = ['src/sinks/file.ts', ...readdirSync('src/sinks/file').map((name) => `src/sinks/file/${name}`)]
  .map((path) => readFileSync(path, 'utf8'))
  .join('\n');

/** The codes in the first column of the table under a heading, with what stands in the second. */
function rows(heading: string): (readonly [string, string])[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section.split('\n').flatMap((line) => {
    const [, first = '', second = ''] = line.split(/\s*\|\s*/);
    return [...first.matchAll(/`([A-Z_]+)`/g)].map(([, code = '']) => [code, second] as const);
  });
}

const found = (pattern: RegExp) => [...new Set([...sources.matchAll(pattern)].map(([, code]) => code))].toSorted();

describe('docs/sinks/file.md', () => {
  it('has each code of a note', () => {
    const own = rows('Notes').map(([code]) => code);
    expect(own.filter((code) => code.includes('_')).toSorted()).toEqual(found(/note\('([A-Z_]+)'/g));
  });

  it('has each code that the sink gives an error itself', () => {
    const own = rows('Errors').map(([code]) => code);
    const ours = own.filter((code) => !/^E[A-Z]+$/.test(code));
    expect([...new Set(ours)].toSorted()).toEqual(found(/(?:lost\(|code: )'([A-Z_]+)'/g));
  });

  it("has each of the system's codes that has a remedy, with its kind", () => {
    const system = rows('Errors').filter(([code]) => /^E[A-Z]+$/.test(code));
    expect(system.map(([code]) => code).toSorted()).toEqual(found(/^ {2}(E[A-Z]+): /gm));
    for (const [code, kind] of system) {
      const error = problemWith('/data', Object.assign(new Error(code), { code }));
      expect(error).toBeInstanceOf(SinkError);
      expect([code, kind]).toEqual([code, error.kind]);
    }
  });

  it('names only settings that exist', () => {
    const named = [...page.matchAll(/`file\.(\w+)`/g)].map(([, key = '']) => key);
    expect(named.filter((key) => !(key in fileSink.settings))).toEqual([]);
    for (const mode of fileSink.settings.fsync.choices) expect(page).toContain(`| \`${mode}\``);
  });
});
