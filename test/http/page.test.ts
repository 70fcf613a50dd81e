import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { read } from '../ops/support.ts';
import { serve } from './served.ts';

describe('the files of the page', () => {
  it('are served with their types, at /page/', async () => {
    const { server } = await serve();
    const types: Record<string, string> = {
      'main.js': 'text/javascript; charset=utf-8',
      'style.css': 'text/css; charset=utf-8',
      'icon.svg': 'image/svg+xml',
      'vendor/uplot.js': 'text/javascript; charset=utf-8',
      'vendor/uplot.css': 'text/css; charset=utf-8',
    };
    for (const [name, type] of Object.entries(types)) {
      const answer = await fetch(`${server.address}/page/${name}`);
      expect([name, answer.status, answer.headers.get('content-type')]).toEqual([name, 200, type]);
    }
    const index = await fetch(`${server.address}/`);
    expect([index.status, index.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(await index.text()).toBe(read('page/index.html'));
  });

  it('are checked by their tag and sent again only when they have changed', async () => {
    const { server } = await serve();
    const first = await fetch(`${server.address}/page/main.js`);
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^".+"$/);
    expect(first.headers.get('cache-control')).toBe('no-cache');
    const again = await fetch(`${server.address}/page/main.js`, { headers: { 'if-none-match': etag } });
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
    const other = await fetch(`${server.address}/page/main.js`, { headers: { 'if-none-match': '"other"' } });
    expect(other.status).toBe(200);
  });

  it('may run only scripts of this origin and speak to nobody else', async () => {
    const { server } = await serve();
    const policy = (await fetch(`${server.address}/`)).headers.get('content-security-policy') ?? '';
    const rules = new Map(policy.split('; ').map((rule) => [rule.split(' ')[0], rule.split(' ').slice(1).join(' ')]));
    expect(rules.get('default-src')).toBe("'none'");
    for (const name of ['script-src', 'style-src', 'connect-src']) expect(rules.get(name)).toBe("'self'");
    expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
  });

  it('are nothing but what is in the folder', async () => {
    const { server } = await serve();
    for (const path of [
      '/page/',
      '/page/..%2fpackage.json',
      '/page/%2e%2e/package.json',
      '/page/vendor/uplot.d.ts',
      '/page/x.js',
    ]) {
      expect([path, (await fetch(`${server.address}${path}`)).status]).toEqual([path, 404]);
    }
  });

  it('name each other by relative addresses alone, so that any prefix may stand before them', () => {
    const files = readdirSync(new URL('../../page', import.meta.url)).filter((name) => /\.(html|css|js)$/.test(name));
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) {
      const addresses = [
        ...read(`page/${file}`).matchAll(
          /(?:href|src)="([^"]*)"|^import [^']*from '([^']*)'|EventSource\('([^']*)'\)|url\(([^)]*)\)/gm,
        ),
      ];
      for (const [, ...groups] of addresses)
        expect(groups.find(Boolean), file).toMatch(/^(#|\.\/|page\/|live$|statusz$)/);
    }
  });
});
