import { readFileSync } from 'node:fs';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Status } from '../../src/core/status.ts';

const validateRecord = compile('record.schema.json');
const validateDeadLetter = compile('dead-letter.schema.json');
const validateStatus = compile('status.schema.json');

/** Throws, with the record and what is wrong with it, unless it is a valid record of contract v1. */
export function assertRecord(document: unknown): void {
  assertValid(validateRecord, document, 'record');
}

/** The same for what stands in a dead-letter target. */
export function assertDeadLetter(document: unknown): void {
  assertValid(validateDeadLetter, document, 'dead letter');
}

/** The same for what /statusz answers. */
export function assertStatus(document: unknown): asserts document is Status {
  assertValid(validateStatus, document, 'status');
}

/** Parses records that stand one per line, checks each, and returns them. */
export function assertRecords(ndjson: Buffer | string): Record<string, unknown>[] {
  const text = ndjson.toString();
  if (text !== '' && !text.endsWith('\n'))
    throw new Error(`the last line has no newline: ${excerpt(text.slice(-200))}`);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const document = JSON.parse(line) as Record<string, unknown>;
      assertRecord(document);
      return document;
    });
}

function compile(name: string): ValidateFunction {
  const schema = readFileSync(new URL(`../../schemas/${name}`, import.meta.url), 'utf8');
  return new Ajv2020({ allowUnionTypes: true, strictRequired: false, strictTypes: false }).compile(JSON.parse(schema));
}

function assertValid(validate: ValidateFunction, document: unknown, what: string): void {
  if (validate(document)) return;
  const type = String((document as { type?: unknown } | null)?.type);
  // One error per alternative of the schema: those of the record's own type say what is wrong.
  const errors = validate.errors ?? [];
  const own = errors.filter(({ schemaPath, message }) => schemaPath.includes(type) || message?.includes('unevaluated'));
  const lines = (own.length > 0 ? own : errors).map(
    ({ instancePath, message, params }) => `  ${instancePath || '/'} ${message} ${JSON.stringify(params)}`,
  );
  throw new Error(`invalid ${what}:\n${lines.join('\n')}\n${excerpt(JSON.stringify(document))}`);
}

function excerpt(text: string): string {
  return text.length > 2000 ? `${text.slice(0, 2000)}... (${text.length} characters)` : text;
}
