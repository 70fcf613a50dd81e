import { execFile } from 'node:child_process';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { need } from './packages.ts';
import { cacheFolder, installOnce } from './service.ts';

const run = promisify(execFile);

interface Artifact {
  readonly group: string;
  readonly name: string;
  readonly version: string;
}

/** Makes sure that `java` on PATH is 17 or newer. */
export async function needJava(): Promise<void> {
  await need({ packages: ['default-jre-headless'], what: 'Java 17 or newer (`java`)' }, async () => {
    const { stdout, stderr } = await run('java', ['-version']);
    return Number(/version "(\d+)/.exec(stdout + stderr)?.[1] ?? 0) >= 17;
  });
}

/** The folder with these artifacts and all they depend on; fetched by Maven once per machine. */
export async function jars(name: string, artifacts: readonly Artifact[]): Promise<string> {
  const target = join(cacheFolder(), name);
  return installOnce(target, async () => {
    await need({ packages: ['maven'], what: 'Maven (`mvn`)' }, async () => {
      await run('mvn', ['-v']);
      return true;
    });
    const work = await mkdtemp(`${target}-`);
    try {
      await writeFile(join(work, 'pom.xml'), pom(artifacts));
      const args = ['-q', '-B', 'dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=jars'];
      await run('mvn', args, { cwd: work, maxBuffer: 16_777_216 });
      await rename(join(work, 'jars'), target);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
}

function pom(artifacts: readonly Artifact[]): string {
  const dependencies = artifacts.map(
    ({ group, name, version }) =>
      `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`,
  );
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>kv-event-bridge</groupId><artifactId>test-jars</artifactId><version>1</version>
<packaging>pom</packaging><dependencies>${dependencies.join('')}</dependencies>
</project>
`;
}
