import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { messageOf } from '../core/errors.ts';
import type { Catalogue, Leaf } from './catalogue.ts';
import type { Given } from './given.ts';
import { givenText } from './given.ts';
import type { Problems } from './problems.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment gives, secrets also by way of the file that `<NAME>_FILE` names. */
export async function givenByEnvironment(
  env: Environment,
  catalogue: Catalogue,
  problems: Problems,
): Promise<readonly Given[]> {
  const given = await Promise.all(catalogue.leaves.map((leaf) => readVariable(leaf, env, problems)));
  return given.flat();
}

async function readVariable(leaf: Leaf, env: Environment, problems: Problems): Promise<readonly Given[]> {
  const text = env[leaf.env];
  const file = leaf.setting.secret ? env[secretFileVariable(leaf)] : undefined;
  if (text !== undefined && file !== undefined) {
    problems.add(leaf.path, `both ${leaf.env} and ${secretFileVariable(leaf)} are set: unset one`);
    return [];
  }
  if (file !== undefined) return readSecretFile(leaf, file, problems);
  if (text === undefined) return [];
  if (isServiceLink(leaf.env, text)) {
    problems.add(leaf.path, serviceLinkMessage(leaf.env, text), `env ${leaf.env}`);
    return [];
  }
  return givenText(leaf, text, `env ${leaf.env}`, problems);
}

export function secretFileVariable(leaf: Leaf): string {
  return `${leaf.env}_FILE`;
}

async function readSecretFile(leaf: Leaf, file: string, problems: Problems): Promise<readonly Given[]> {
  const origin = `env ${secretFileVariable(leaf)}`;
  if (file === '') {
    problems.add(leaf.path, 'is set but empty: unset it or name a file', origin);
    return [];
  }
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    problems.add(leaf.path, `the file ${JSON.stringify(file)} cannot be read: ${messageOf(error)}`, origin);
    return [];
  }
  const text = bytes.toString('utf8').replace(/\r?\n$/, '');
  if (!isUtf8(bytes)) {
    problems.add(leaf.path, `the file ${JSON.stringify(file)} is not UTF-8 text`, origin);
    return [];
  }
  if (text !== '') return givenText(leaf, text, origin, problems);
  problems.add(leaf.path, `the file ${JSON.stringify(file)} is empty`, origin);
  return [];
}

/**
 * Whether Kubernetes set this variable for a Service in the namespace (`enableServiceLinks`): a Service `redis` makes
 * REDIS_SERVICE_HOST, REDIS_SERVICE_PORT[_NAME], REDIS_PORT=tcp://... and REDIS_PORT_6379_TCP[_PROTO|_PORT|_ADDR].
 */
export function isServiceLink(name: string, value: string): boolean {
  if (/_SERVICE_HOST$|_SERVICE_PORT(?:_[A-Z0-9_]+)?$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/.test(name))
    return true;
  return name.endsWith('_PORT') && /^(?:tcp|udp|sctp):\/\//.test(value);
}

function serviceLinkMessage(name: string, value: string): string {
  const service = name
    .replace(/_PORT$/, '')
    .toLowerCase()
    .replaceAll('_', '-');
  return (
    `${JSON.stringify(value)} is what Kubernetes sets for a Service named "${service}" in this namespace, not a port: ` +
    `set enableServiceLinks: false in the pod spec, set ${name} in the container's env, or rename the Service`
  );
}
