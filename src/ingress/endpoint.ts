import { BridgeError, ConfigError } from '../core/errors.ts';

/** A ZeroMQ address, taken apart as libzmq does it: the port is what follows the last colon. */
export interface TcpEndpoint {
  /** Verbatim: a name, `*`, an address, a bracketed IPv6 literal. */
  readonly host: string;
  /** 0 = any free port (also written `*`). */
  readonly port: number;
}

const maxPort = 65_535;

/** Null for anything but `tcp://host:port`. */
export function readTcp(endpoint: string): TcpEndpoint | null {
  const match = /^tcp:\/\/(.+):(\d{1,9}|\*)$/.exec(endpoint);
  if (match === null) return null;
  const [, host = '', port = ''] = match;
  return { host, port: port === '*' ? 0 : Number(port) };
}

/**
 * The endpoint of a data-parallel rank: every engine adds its rank to the port (vLLM kv_events.py,
 * `offset_endpoint_port`; SGLang and llm-d-inference-sim alike). Port 0 (any free port) is left alone.
 * Throws `ConfigError` where there is no such port.
 */
export function rankEndpoint(endpoint: string, rank: number): string {
  if (rank === 0) return endpoint;
  const tcp = readTcp(endpoint);
  if (tcp === null) {
    throw new ConfigError(
      `endpoint ${endpoint} has no port to which data-parallel rank ${rank} could be added: use tcp://host:port or dataParallelSize 1`,
    );
  }
  if (tcp.port === 0) return endpoint;
  const port = tcp.port + rank;
  if (port > maxPort) {
    throw new ConfigError(
      `endpoint ${endpoint} plus data-parallel rank ${rank} gives port ${port}, above ${maxPort}: use a lower port or a smaller dataParallelSize`,
    );
  }
  return `tcp://${tcp.host}:${port}`;
}

/**
 * Refuses what libzmq would accept and then misunderstand: it takes a port modulo 65536, and a connect to port 0 or to
 * a wildcard never succeeds. Throws `BridgeError` with code `BAD_ENDPOINT`.
 */
export function checkEndpoint(endpoint: string, mode: 'bind' | 'connect'): void {
  if (/^ipc:\/\/./.test(endpoint)) return;
  const tcp = readTcp(endpoint);
  if (tcp === null) {
    throw badEndpoint(endpoint, 'is neither tcp://host:port nor ipc://path', 'write it like tcp://10.0.0.7:5557');
  }
  if (tcp.port > maxPort) {
    throw badEndpoint(endpoint, `has port ${tcp.port}`, `use a port up to ${maxPort}`);
  }
  if (mode === 'connect' && (tcp.port === 0 || tcp.host === '*')) {
    throw badEndpoint(
      endpoint,
      'names no address to connect to',
      'name the host and port of the engine, or bind instead',
    );
  }
}

/** The endpoint with the port that the system chose in place of 0; `bound` is what libzmq reports. */
export function resolvedEndpoint(endpoint: string, bound: string | null): string {
  const wanted = readTcp(endpoint);
  const actual = bound === null ? null : readTcp(bound);
  return wanted === null || actual === null || wanted.port !== 0 ? endpoint : `tcp://${wanted.host}:${actual.port}`;
}

function badEndpoint(endpoint: string, problem: string, remedy: string): BridgeError {
  return new BridgeError('BAD_ENDPOINT', `endpoint ${endpoint} ${problem}: ${remedy}`);
}
