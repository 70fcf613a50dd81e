import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { read } from './support.ts';

const stages = read('Dockerfile')
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll(/\\\n\s*/g, ' ')
  .split(/^(?=FROM )/m)
  .filter((stage) => stage.startsWith('FROM '))
  .map((stage) => stage.trim().split('\n').filter(Boolean));
const final = stages.at(-1) ?? [];

function last(word: string): string {
  return final.findLast((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? '';
}

describe('Dockerfile', () => {
  it('builds in one stage and ships another, on Node 24', () => {
    expect(stages).toHaveLength(2);
    expect(stages[0]?.[0]).toContain('node:24-bookworm-slim');
    expect(final[0]).toBe('FROM node:24-bookworm-slim');
  });

  it('runs no command in the shipped stage and needs no shell there', () => {
    expect(final.filter((line) => /^(RUN|SHELL|ADD) /.test(line))).toEqual([]);
    for (const word of ['ENTRYPOINT', 'CMD']) expect(JSON.parse(last(word))).toBeInstanceOf(Array);
    expect(last('HEALTHCHECK')).toMatch(/CMD \["/);
  });

  it('runs as a number that is not root', () => {
    expect(last('USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  it('copies single paths and never the whole folder', () => {
    const copies = stages.flat().filter((line) => line.startsWith('COPY '));
    expect(copies.length).toBeGreaterThan(0);
    for (const copy of copies) expect(copy.split(' ').slice(1)).not.toContain('.');
  });

  it('takes no secret as an argument or a variable', () => {
    expect(stages.flat().filter((line) => /^(ARG|ENV) .*(TOKEN|SECRET|PASSWORD|KEY)/i.test(line))).toEqual([]);
  });

  it('installs exactly what is locked', () => {
    const runs = stages
      .flat()
      .filter((line) => line.startsWith('RUN '))
      .join('\n');
    expect(runs).toContain('npm ci');
    expect(runs).not.toMatch(/npm (install|i) /);
    expect(runs).toContain('--omit=dev');
  });
});

describe('.dockerignore', () => {
  it('lets in only what the Dockerfile copies', () => {
    const lines = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines[0]).toBe('*');
    const allowed = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    const copied = stages
      .flat()
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(' ').slice(1, -1))
      .map((path) => path.replace(/^\.\//, ''));
    expect([...new Set(copied)].sort()).toEqual(allowed.sort());
  });
});

describe('the health check of the image', () => {
  const [, script = ''] = /"-e",\s*"(.*)"\]$/.exec(last('HEALTHCHECK')) ?? [];

  async function check(status: number | null): Promise<number | null> {
    const server = createServer((request, response) => {
      response.statusCode = request.url === '/livez' ? (status ?? 0) : 404;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    if (status === null) await new Promise((resolve) => server.close(resolve));
    const code = await exitCode(script, String(port));
    server.close();
    return code;
  }

  it('succeeds for a live bridge, and for one without HTTP', async () => {
    expect(await check(200)).toBe(0);
    expect(await exitCode(script, 'off')).toBe(0);
  });

  it('fails for an error and for silence', async () => {
    expect(await check(503)).toBe(1);
    expect(await check(null)).toBe(1);
  });
});

/** The server is in this process, so the check must not block it. */
function exitCode(script: string, port: string): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', script], { env: { HTTP_PORT: port }, stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', resolve);
  });
}
