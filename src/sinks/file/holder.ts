import { randomUUID } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Who holds a lock, as its file says. */
export interface Holder {
  readonly token: string;
  readonly host: string;
  /** Null where the system has no /proc. */
  readonly pid: number | null;
  /** When the process started, in the kernel's ticks since boot: tells a process from a later one with its number. */
  readonly started: string | null;
  /** Boot and pid namespace: process numbers mean the same only within one. */
  readonly space: string | null;
}

/** This process, under a fresh token. */
export async function ourselves(): Promise<Holder> {
  const pid = await read(readlink('/proc/self'));
  const boot = await read(readFile('/proc/sys/kernel/random/boot_id', 'utf8'));
  const namespace = await read(readlink('/proc/self/ns/pid'));
  return {
    token: randomUUID(),
    host: hostname(),
    pid: pid === null ? null : Number(pid),
    started: pid === null ? null : await startOf(Number(pid)),
    space: boot === null || namespace === null ? null : `${boot.trim()} ${namespace}`,
  };
}

/** `unknown`: it ran on another machine, in another container or before a reboot we cannot tell. */
export async function stateOf(holder: Holder, us: Holder): Promise<'alive' | 'dead' | 'unknown'> {
  if (us.space === null || holder.space !== us.space || holder.pid === null) return 'unknown';
  return (await startOf(holder.pid)) === holder.started ? 'alive' : 'dead';
}

/** Null for a file that is being written, or is not ours. */
export function parseHolder(text: string): Holder | null {
  try {
    const holder = JSON.parse(text) as Holder;
    return /^[0-9a-f-]{36}$/.test(holder.token) ? holder : null;
  } catch {
    return null;
  }
}

/** Null when there is no such process, or only what is left of it until its parent looks. */
async function startOf(pid: number): Promise<string | null> {
  const stat = await read(readFile(`/proc/${pid}/stat`, 'utf8'));
  // The second field is the program's name in parentheses, which may hold anything; state is the 3rd, start the 22nd.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, start] = [fields?.[0], fields?.[19]];
  return state === 'Z' || state === 'X' ? null : (start ?? null);
}

function read<T>(reading: Promise<T>): Promise<T | null> {
  return reading.catch(() => null);
}
