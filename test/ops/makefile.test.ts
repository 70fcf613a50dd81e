import { describe, expect, it } from 'vitest';
import { Bench, hasCommand, read } from './support.ts';

const tools = ['make', 'sh', 'awk', 'sed', 'test', 'printf', 'echo', 'cat'];
const operators = [
  'zmq-image-build',
  'zmq-image-push',
  'deploy-zmq-all',
  'deploy-zmq-listener',
  'deploy-sim',
  'deploy-vllm',
  'delete-zmq-all',
  'delete-zmq-listener',
  'delete-sim',
  'delete-vllm',
  'clean-zmq',
];
const developers = ['help', 'demo', 'test', 'build', 'lint', 'docs', 'bench', 'tour', 'clean', 'image'];

describe.skipIf(!hasCommand('make'))('Makefile', () => {
  it('lists every target with a description, also when none is named', () => {
    const bench = new Bench(tools);
    const help = bench.run('make', ['help']);
    const named = help.stdout.split('\n').flatMap((line) => /^ {2}([a-z-]+) +[A-Z]/.exec(line)?.[1] ?? []);
    expect(named.sort()).toEqual([...operators, ...developers].sort());
    expect(bench.run('make', []).stdout).toBe(help.stdout);
  });

  it('has a recipe for each of them that can be expanded, and does nothing in a dry run', () => {
    const bench = new Bench(tools).standIn('kubectl').standIn('docker').standIn('node').standIn('npm');
    const targets = [...operators, ...developers];
    const { code, stdout, stderr } = bench.run('make', ['--dry-run', ...targets, 'IMAGE_REGISTRY=registry.example/me']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('node scripts/demo.mjs');
    expect(bench.calls).toEqual([]);
  });

  it.each([
    ['zmq-image-build', 'docker or podman is needed'],
    ['clean-zmq', 'kubectl is needed'],
    ['deploy-zmq-listener', 'kubectl is needed'],
    ['delete-zmq-all', 'kubectl is needed'],
    ['demo', 'Node 20.19 or newer is needed'],
  ])('%s says what is missing on a bare machine', (target, message) => {
    const { code, stderr } = new Bench(tools).run('make', [target]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });

  it('takes docker where there is one, else podman', () => {
    const both = new Bench(tools).standIn('docker').standIn('podman');
    both.run('make', ['zmq-image-build']);
    const podman = new Bench(tools).standIn('podman');
    podman.run('make', ['zmq-image-build']);
    expect(both.calls).toEqual(['docker build --tag zmq-listener:latest .']);
    expect(podman.calls).toEqual(['podman build --tag zmq-listener:latest .']);
  });

  it('pushes for amd64 and arm64 with either tool, and only where a registry is named', () => {
    const docker = new Bench(tools).standIn('docker');
    expect(docker.run('make', ['zmq-image-push']).stderr).toContain('IMAGE_REGISTRY=');
    docker.run('make', ['zmq-image-push', 'IMAGE_REGISTRY=registry.example/me', 'ZMQ_IMAGE_TAG=v1']);
    const podman = new Bench(tools).standIn('podman');
    podman.run('make', ['zmq-image-push', 'IMAGE_REGISTRY=registry.example/me']);
    expect(docker.calls).toEqual([
      'docker buildx build --platform linux/amd64,linux/arm64 --tag registry.example/me/zmq-listener:v1 --push .',
    ]);
    expect(podman.calls.slice(-2)).toEqual([
      'podman build --platform linux/amd64,linux/arm64 --manifest registry.example/me/zmq-listener:latest .',
      'podman manifest push --all registry.example/me/zmq-listener:latest docker://registry.example/me/zmq-listener:latest',
    ]);
  });

  it('deploys the image that the variables name into the namespace they name', () => {
    const bench = new Bench(tools).standIn('kubectl', 'cat');
    const names = [
      'NAMESPACE=fleet',
      'IMAGE_REGISTRY=registry.example/me/',
      'ZMQ_IMAGE_NAME=bridge',
      'ZMQ_IMAGE_TAG=v2',
    ];
    const { code, stdout } = bench.run('make', ['--silent', 'deploy-zmq-listener', ...names]);
    expect(code).toBe(0);
    expect(bench.calls).toEqual(['kubectl apply --namespace fleet --filename -']);
    expect(stdout).toBe(
      read('manifests/zmq-listener/deploy_listener.yaml').replace(
        'zmq-listener:latest',
        'registry.example/me/bridge:v2',
      ),
    );
    expect(stdout).toContain('image: registry.example/me/bridge:v2\n');
  });

  it('fails a deployment that kubectl refuses', () => {
    const bench = new Bench(tools).standIn('kubectl', 'exit 1');
    expect(bench.run('make', ['deploy-zmq-listener']).code).not.toBe(0);
  });

  it('deletes without minding what is not there, and cleans up the image where there is one', () => {
    const without = new Bench(tools).standIn('kubectl').standIn('docker', '[ "$1" != image ]');
    expect(without.run('make', ['clean-zmq', 'NAMESPACE=fleet']).code).toBe(0);
    const file = (name: string) =>
      `kubectl delete --namespace fleet --ignore-not-found --filename manifests/zmq-listener/${name}`;
    expect(without.calls).toEqual([
      file('deploy_listener.yaml'),
      file('deploy_simulator.yaml'),
      file('deploy_vllm.yaml'),
      'docker image inspect zmq-listener:latest',
    ]);
    const withImage = new Bench(tools).standIn('kubectl').standIn('docker');
    withImage.run('make', ['clean-zmq']);
    expect(withImage.calls.at(-1)).toBe('docker rmi zmq-listener:latest');
  });
});
