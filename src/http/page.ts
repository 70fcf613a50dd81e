import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

interface Asset {
  readonly body: Buffer;
  readonly type: string;
  readonly etag: string;
}

/** The same from src/ and from dist/. */
const folder = fileURLToPath(new URL('../../page/', import.meta.url));
/** The charts come as their package ships them. */
const vendored = { 'vendor/uplot.js': 'uplot/dist/uPlot.esm.js', 'vendor/uplot.css': 'uplot/dist/uPlot.min.css' };

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Topics are written by whoever reaches the port: nothing that the page is told may ever run, and it asks nobody else. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  // Checked each time by its tag: after an upgrade no old script meets a new page.
  'cache-control': 'no-cache',
};

/** `GET /` and `/page/...`: the live page. Its own addresses are relative, so that any prefix may stand before them. */
export function addPage(server: FastifyInstance): void {
  let assets: Promise<ReadonlyMap<string, Asset>> | undefined;
  const answer = async (name: string, request: FastifyRequest, reply: FastifyReply) => {
    assets ??= load();
    const asset = (await assets).get(name);
    if (asset === undefined) return reply.callNotFound();
    void reply.headers(headers).header('etag', asset.etag).type(asset.type);
    if (request.headers['if-none-match'] === asset.etag) return reply.code(304).send();
    return reply.send(asset.body);
  };
  server.get('/', (request, reply) => answer('index.html', request, reply));
  server.get<{ Params: { '*': string } }>('/page/*', (request, reply) => answer(request.params['*'], request, reply));
}

async function load(): Promise<ReadonlyMap<string, Asset>> {
  const names = (await readdir(folder)).filter((name) => extname(name) in types);
  const { resolve } = createRequire(import.meta.url);
  const files = [
    ...names.map((name) => [name, join(folder, name)] as const),
    ...Object.entries(vendored).map(([name, path]) => [name, resolve(path)] as const),
  ];
  return new Map(await Promise.all(files.map(async ([name, path]) => [name, await assetOf(name, path)] as const)));
}

async function assetOf(name: string, path: string): Promise<Asset> {
  const body = await readFile(path);
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return { body, etag, type: types[extname(name)] ?? 'application/octet-stream' };
}
