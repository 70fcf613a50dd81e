import { readdir, readFile, readlink } from 'node:fs/promises';

/** Who listens on a TCP port of this machine: `redis-server (process 4711)`. Null where the system does not let us know. */
export async function holderOf(port: number): Promise<string | null> {
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const text = await readFile(table, 'utf8').catch(() => '');
    for (const line of text.split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
      // 0A: it listens.
      if (state === '0A' && Number.parseInt(local.split(':')[1] ?? '', 16) === port && inode) inodes.add(inode);
    }
  }
  return inodes.size === 0 ? null : processWith(inodes);
}

async function processWith(inodes: ReadonlySet<string>): Promise<string | null> {
  const processes = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const pid of processes) {
    const folder = `/proc/${pid}/fd`;
    for (const file of await readdir(folder).catch(() => [])) {
      const target = await readlink(`${folder}/${file}`).catch(() => '');
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode === undefined || !inodes.has(inode)) continue;
      const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'a process')).trim();
      return `${name} (process ${pid})`;
    }
  }
  return null;
}
