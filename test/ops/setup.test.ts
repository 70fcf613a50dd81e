import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Bench, root } from './support.ts';

const lock = (packages: object) => JSON.stringify({ packages: { '': {}, ...packages } });
const left = { version: '1.0.0', integrity: 'sha512-left' };
const right = { version: '2.0.0', integrity: 'sha512-right', optional: true };

/** A small project with its own copy of the script, and an npm that only does what a test looks at. */
class Project {
  readonly bench: Bench;
  readonly folder: string;

  constructor(npm = installsAndBuilds) {
    this.bench = new Bench(['node', 'sh', 'mkdir', 'cp', 'touch', 'test', 'grep']).standIn('npm', npm);
    this.folder = join(this.bench.folder, 'project');
    for (const name of ['scripts', 'src/deep']) mkdirSync(join(this.folder, name), { recursive: true });
    copyFileSync(join(root, 'scripts/setup.mjs'), join(this.folder, 'scripts/setup.mjs'));
    for (const name of ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'src/deep/a.ts'])
      this.write(name, '{}');
    this.write('package-lock.json', lock({ 'node_modules/left': left, 'node_modules/right': right }));
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  /** What npm was asked to do, without the question whether it is there. */
  setUp(): { code: number | null; stderr: string; npm: string[] } {
    const before = this.bench.calls.length;
    const { code, stderr } = this.bench.run('node', ['scripts/setup.mjs'], this.folder);
    const npm = this.bench.calls.slice(before).filter((call) => call !== 'npm --version');
    return { code, stderr, npm: npm.map((call) => call.split(' ')[1] ?? '') };
  }
}

const installsAndBuilds = `case "$1" in
  ci) mkdir -p node_modules && cp package-lock.json node_modules/.package-lock.json ;;
  run) [ "$5" = --outDir ] && mkdir -p "$6" && touch "$6/main.js" ;;
esac`;

describe('scripts/setup.mjs', () => {
  it('installs and builds in a fresh checkout, and nothing the second time', () => {
    const project = new Project();
    expect(project.setUp()).toMatchObject({ code: 0, npm: ['ci', 'run'] });
    expect(project.setUp()).toMatchObject({ code: 0, npm: [] });
  });

  it('leaves stdout to the program that follows', () => {
    const project = new Project(`echo noise\n${installsAndBuilds}`);
    const { stdout, stderr } = project.bench.run('node', ['scripts/setup.mjs'], project.folder);
    expect({ stdout, isSaid: stderr.includes('noise') }).toEqual({ stdout: '', isSaid: true });
  });

  it('installs again when the lock file names another version, or other contents under the same', () => {
    const project = new Project();
    project.setUp();
    project.write('package-lock.json', lock({ 'node_modules/left': { ...left, version: '1.0.1' } }));
    expect(project.setUp().npm).toContain('ci');
    project.write(
      'package-lock.json',
      lock({ 'node_modules/left': { ...left, version: '1.0.1', integrity: 'sha512-other' } }),
    );
    expect(project.setUp().npm).toContain('ci');
  });

  it('does not miss what is only for other platforms', () => {
    const project = new Project();
    project.setUp();
    project.write('node_modules/.package-lock.json', lock({ 'node_modules/left': left }));
    expect(project.setUp().npm).toEqual([]);
    project.write('node_modules/.package-lock.json', lock({ 'node_modules/right': right }));
    expect(project.setUp().npm).toEqual(['ci']);
  });

  it('builds again when a source changed, came, went, or dist is gone', () => {
    const project = new Project();
    project.setUp();
    const changes = [
      () => project.write('src/deep/a.ts', 'changed'),
      () => project.write('src/deep/b.ts', ''),
      () => rmSync(join(project.folder, 'src/deep/b.ts')),
      () => project.write('tsconfig.build.json', '[]'),
      () => rmSync(join(project.folder, 'dist'), { recursive: true }),
    ];
    for (const change of changes) {
      change();
      expect(project.setUp().npm).toEqual(['run']);
      expect(project.setUp().npm).toEqual([]);
    }
  });

  it('leaves no module of a deleted source behind, and nothing half built', () => {
    const project = new Project();
    project.setUp();
    project.write('dist/old.js', '');
    project.write('src/deep/a.ts', 'changed');
    project.setUp();
    expect(readdirSync(join(project.folder, 'dist')).sort()).toEqual(['.built-from', 'main.js']);
    expect(readdirSync(join(project.folder, 'node_modules/.cache'))).toEqual([]);
  });

  it('fails with the remedy when the build fails, and tries again the next time', () => {
    const project = new Project(
      '[ "$1" != run ] || exit 2\n[ "$1" != ci ] || { mkdir -p node_modules && cp package-lock.json node_modules/.package-lock.json; }',
    );
    const first = project.setUp();
    expect(first.code).toBe(1);
    expect(first.stderr).toContain('the build failed');
    expect(first.stderr).not.toContain('ready');
    expect(project.setUp().npm).toEqual(['run']);
  });

  it('keeps the last good build while the sources do not compile', () => {
    const project = new Project(`${installsAndBuilds}\n! grep -q broken src/deep/a.ts || exit 2`);
    project.setUp();
    project.write('src/deep/a.ts', 'broken');
    expect(project.setUp().code).toBe(1);
    expect(readdirSync(join(project.folder, 'dist'))).toContain('main.js');
  });

  it('tries an install again that failed', () => {
    const fails = `if [ "$1" = ci ] && [ ! -e once ]; then touch once; exit 1; fi\n${installsAndBuilds}`;
    expect(new Project(fails).setUp()).toMatchObject({ code: 0, npm: ['ci', 'ci', 'run'] });
  });

  it('says first of all when Node is too old', () => {
    const project = new Project();
    project.write(
      'old.mjs',
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.18.1' } });",
    );
    const { code, stderr } = project.bench.run('node', ['--import', './old.mjs', 'scripts/setup.mjs'], project.folder);
    expect(code).toBe(1);
    expect(stderr).toContain('Node 20.19.0 or newer is needed, this is 20.18.1');
    expect(project.bench.calls).toEqual([]);
  });
});
