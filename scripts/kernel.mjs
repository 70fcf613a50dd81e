// Compiles src/wire/fast/kernel.wat, events.wat and records.wat, the parts of one module, into kernel-code.ts. A test compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';
import { readOptions } from './options.mjs';

readOptions(
  'kernel',
  `npm run kernel

Compiles src/wire/fast/kernel.wat, events.wat and records.wat into kernel-code.ts beside them.`,
);

const folder = fileURLToPath(new URL('../src/wire/fast/', import.meta.url));
const parts = ['kernel.wat', 'events.wat', 'records.wat'];
const target = join(folder, 'kernel-code.ts');
const widest = 100;

const { parseWat } = await wabt();
const source = parts.map((part) => readFileSync(join(folder, part), 'utf8')).join('\n');
const parsed = parseWat('kernel.wat', `(module\n${source})`);
parsed.validate();
const text = Buffer.from(parsed.toBinary({}).buffer).toString('base64');
const lines = text.match(new RegExp(`.{1,${widest}}`, 'g')).map((line) => `  '${line}',`);
const code = `/** What kernel.wat, events.wat and records.wat compile to, base64; written by \`npm run kernel\`. */
export const kernelCode = [
${lines.join('\n')}
].join('');
`;
writeFileSync(target, code);
