import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { read, root } from './support.ts';

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

function linksOf(page: string): string[] {
  const prose = read(page).replaceAll(/^```.*?^```/gms, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
}

describe('documentation', () => {
  it.each(pages)('%s links only to what exists', (page) => {
    const local = linksOf(page).filter((link) => !/^(https?:|mailto:)/.test(link));
    const dead = local.filter((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    });
    expect(dead).toEqual([]);
  });

  it('names only make targets that exist', () => {
    const known = [...read('Makefile').matchAll(/^([a-z-]+):/gm)].map((match) => match[1]);
    const named = pages.flatMap((page) => [...read(page).matchAll(/`make ((?:[a-z-]+ ?)+)/g)]);
    const words = named.flatMap((match) => (match[1] ?? '').trim().split(' '));
    expect(words.length).toBeGreaterThan(0);
    expect(words.filter((word) => !known.includes(word))).toEqual([]);
  });
});

/** As GitHub makes them of headings. */
function anchorsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
