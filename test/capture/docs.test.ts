import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sequenceFrame } from '../../src/simulator/replay.ts';
import { encoded } from './support.ts';

const path = new URL('../../docs/capture.md', import.meta.url).pathname;
const marker = '<!-- written by test/capture/docs.test.ts -->\n';
const dump = /<!-- written by [^>]* -->\n```\n([\s\S]*?)```\n/;

const example = encoded([
  {
    source: 'zmq',
    endpoint: 'tcp://*:5557',
    peer: '10.0.0.5',
    connection: 1,
    parts: [Buffer.from('t'), sequenceFrame(7n), Buffer.from('hi')],
    receivedAt: 1_763_800_000_130,
  },
]).bytes;

function dumpOf(bytes: Buffer): string {
  const lines = Array.from({ length: Math.ceil(bytes.length / 16) }, (_, line) => {
    const row = bytes.subarray(line * 16, line * 16 + 16);
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = row.toString('latin1').replaceAll(/[^ -~]/g, '.');
    return `${(line * 16).toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  ${text}\n`;
  });
  return lines.join('');
}

/** Bit by bit, as the polynomial says. */
function crc32c(bytes: Buffer): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

/** Nothing but what the page says. */
function readAsDocumented(bytes: Buffer): { type: string; body: Buffer }[] {
  const records: { type: string; body: Buffer }[] = [];
  expect(bytes.subarray(0, 8).toString('hex')).toBe('894b564341500a01');
  let checked = bytes.subarray(0, 8);
  for (let at = 8; at < bytes.length; ) {
    const head = bytes.subarray(at, at + 16);
    const body = bytes.subarray(at + 16, at + 16 + head.readUInt32BE(4));
    checked = Buffer.concat([checked, head.subarray(0, 12)]);
    expect(head.readUIntBE(1, 3)).toBe(0);
    expect(head.readUInt32BE(8)).toBe(crc32c(body));
    expect(head.readUInt32BE(12)).toBe(crc32c(checked));
    records.push({ type: head.toString('latin1', 0, 1), body });
    at += 16 + body.length;
  }
  return records;
}

describe('docs/capture.md', () => {
  it('shows the bytes of the smallest capture', () => {
    const page = readFileSync(path, 'utf8');
    if (process.env['UPDATE_DOCS'] === '1')
      writeFileSync(
        path,
        page.replace(dump, () => `${marker}\`\`\`\n${dumpOf(example)}\`\`\`\n`),
      );
    expect(dump.exec(readFileSync(path, 'utf8'))?.[1]).toBe(dumpOf(example));
  });

  it('says how to read them', () => {
    const [meta, origin, frame, end, ...rest] = readAsDocumented(example);
    expect([meta, origin, frame, end].map((record) => record?.type)).toEqual(['M', 'O', 'F', 'E']);
    expect(rest).toEqual([]);
    const json = (record?: { body: Buffer }) => JSON.parse(String(record?.body)) as Record<string, unknown>;
    expect(Object.keys(json(meta))).toEqual(['format', 'program', 'created_at', 'sources']);
    expect(json(origin)).toEqual({ source: 'zmq', endpoint: 'tcp://*:5557', peer: '10.0.0.5', connection: 1 });
    expect(json(end)).toEqual({
      ...{ frames: 1, bytes: 11, first_at: 1_763_800_000_130, last_at: 1_763_800_000_130, reason: 'stopped' },
    });
    const body = frame?.body ?? Buffer.alloc(16);
    expect([body.readUInt32BE(0), body.readDoubleBE(4), body.readUInt32BE(12)]).toEqual([0, 1_763_800_000_130, 3]);
    const parts: string[] = [];
    for (let at = 16; at < body.length; at += 4 + body.readUInt32BE(at))
      parts.push(body.toString('hex', at + 4, at + 4 + body.readUInt32BE(at)));
    expect(parts).toEqual(['74', '0000000000000007', '6869']);
  });

  it('names every key of the description', () => {
    const page = readFileSync(path, 'utf8');
    const meta = JSON.parse(String(readAsDocumented(example)[0]?.body)) as { sources: Record<string, unknown>[] };
    for (const key of Object.keys(meta.sources[0] ?? {})) expect(page).toContain(`\`${key}\``);
  });
});
