import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { shown, stages } from './stages.ts';

const path = new URL('../../docs/doctor.md', import.meta.url);
/** The examples are written by this test, too: `DOCTOR_EXAMPLES=write npx vitest run test/doctor/examples.test.ts`. */
const writes = process.env['DOCTOR_EXAMPLES'] === 'write';
const [head = '', tail = ''] = readFileSync(path, 'utf8').split(
  /(?<=## What it looks like\n)[\s\S]*?(?=## Findings\n)/,
);
const documented = new Map(
  [...readFileSync(path, 'utf8').matchAll(/^([^\n]+):\n\n```text\n([\s\S]*?)```$/gm)].map(
    ([, title = '', text = '']) => [title, text],
  ),
);
const written = new Map<string, string>();

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

afterAll(() => {
  const blocks = [...written].map(([title, text]) => `${title}:\n\n\`\`\`text\n${text}\`\`\`\n`);
  if (writes) writeFileSync(path, `${head}\n${blocks.join('\n')}\n${tail}`);
});

/** Without what differs from run to run. */
function lasting(text: string): string {
  return text
    .replace(/(?:\d+ (?:Block\w+|AllBlocksCleared)(?:, )?)+/g, '# events')
    .replace(' (joined late)', '')
    .replace(/ahead of|behind/g, 'beside')
    .replace(/\d+(?:\.\d+)*/g, '#');
}

describe('the examples in docs/doctor.md', () => {
  it('are those that are staged here', () => {
    if (!writes) expect([...documented.keys()]).toEqual(Object.keys(stages));
  });

  it.each(Object.entries(stages))(
    '%s',
    async (title, stage) => {
      const text = await shown(await stage((close) => closers.push(close)));
      written.set(title, text);
      if (!writes) expect(lasting(text)).toBe(lasting(documented.get(title) ?? ''));
    },
    60_000,
  );
});
