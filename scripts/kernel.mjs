// Compiles src/wire/fast/kernel.wat into src/wire/fast/kernel-code.ts. A test compares the two.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const folder = fileURLToPath(new URL('../src/wire/fast/', import.meta.url));
const source = join(folder, 'kernel.wat');
const target = join(folder, 'kernel-code.ts');
const widest = 100;

const { parseWat } = await wabt();
const parsed = parseWat(source, readFileSync(source, 'utf8'));
parsed.validate();
const text = Buffer.from(parsed.toBinary({}).buffer).toString('base64');
const lines = text.match(new RegExp(`.{1,${widest}}`, 'g')).map((line) => `  '${line}',`);
const code = `/** What kernel.wat compiles to, base64; written by \`npm run kernel\`. */
export const kernelCode = [
${lines.join('\n')}
].join('');
`;
writeFileSync(target, code);
