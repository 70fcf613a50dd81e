import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import type { Service } from './service.ts';

const run = promisify(execFile);

/** What the environment variable `KV_TEST_SERVICES` may force: real servers as processes, or as containers. */
function forced(): string | undefined {
  return process.env['KV_TEST_SERVICES'];
}

/** Whether test services should be containers: a daemon answers and `KV_TEST_SERVICES` is not `native`. */
export function dockerAnswers(): boolean {
  if (forced() === 'native') return false;
  if (forced() === 'docker') return true;
  try {
    docker(['version', '--format', '{{.Server.Version}}'], 10_000);
    return true;
  } catch {
    return false;
  }
}

/** Whether a service can be a container of this image, which is pulled when it is missing. */
export function dockerHas(image: string): boolean {
  if (!dockerAnswers()) return false;
  try {
    docker(['image', 'inspect', image], 10_000);
    return true;
  } catch {
    return pull(image);
  }
}

function pull(image: string): boolean {
  try {
    docker(['pull', '--quiet', image], 600_000);
    return true;
  } catch (error) {
    if (forced() === 'docker') throw error;
    const reason = error instanceof Error ? error.message.trim() : String(error);
    process.stderr.write(`no Docker image ${image}, a native server takes its place (${reason})\n`);
    return false;
  }
}

function docker(args: readonly string[], timeout: number): string {
  return execFileSync('docker', args, { timeout, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export interface ContainerOptions {
  readonly image: string;
  /** Port on 127.0.0.1 → port in the container. */
  readonly ports: Readonly<Record<number, number>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Path here → path in the container. Copied before the first start; must be readable for everybody. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A server in a container. `start` does not wait until it serves: only its owner knows how to ask. */
export class Container implements Service {
  readonly #options: ContainerOptions;
  readonly #removeNow = () => this.#abandon();
  #id: string | undefined;

  constructor(options: ContainerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    if (this.#id === undefined) {
      process.once('exit', this.#removeNow);
      this.#id = await create(this.#options);
      const { files = {} } = this.#options;
      for (const [here, inside] of Object.entries(files)) await run('docker', ['cp', here, `${this.#id}:${inside}`]);
    }
    await run('docker', ['start', this.#id]);
  }

  async stop(): Promise<void> {
    await this.#do('stop', '--time', '30');
  }

  async kill(): Promise<void> {
    await this.#do('kill', '--signal', 'KILL');
    await this.#do('wait');
  }

  async pause(): Promise<void> {
    await this.#do('pause');
  }

  async resume(): Promise<void> {
    await this.#do('unpause');
  }

  /** What the server has printed so far. */
  async logs(): Promise<string> {
    if (this.#id === undefined) return '';
    const { stdout, stderr } = await run('docker', ['logs', this.#id]);
    return stdout + stderr;
  }

  /** Runs a command in the container and returns what it prints. */
  async exec(command: readonly string[]): Promise<string> {
    if (this.#id === undefined) throw new Error('the container was never started');
    return (await run('docker', ['exec', this.#id, ...command])).stdout;
  }

  async remove(): Promise<void> {
    await this.#do('rm', '--force', '--volumes');
    this.#id = undefined;
    process.off('exit', this.#removeNow);
  }

  /** When the test process ends without `remove`: synchronously, no promise runs any more. */
  #abandon(): void {
    if (this.#id !== undefined) docker(['rm', '--force', '--volumes', this.#id], 30_000);
  }

  async #do(verb: string, ...options: string[]): Promise<void> {
    if (this.#id !== undefined) await run('docker', [verb, ...options, this.#id]);
  }
}

async function create(options: ContainerOptions): Promise<string> {
  const { image, ports, env = {}, args = [] } = options;
  const publish = Object.entries(ports).flatMap(([host, inside]) => ['--publish', `127.0.0.1:${host}:${inside}`]);
  const variables = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const label = ['--label', 'kv-event-bridge.test'];
  const { stdout } = await run('docker', ['create', ...label, ...publish, ...variables, image, ...args]);
  return stdout.trim();
}
