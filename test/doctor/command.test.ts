import { describe, expect, it } from 'vitest';
import { Program } from '../e2e/bridge.ts';
import { freePorts } from '../support/ports.ts';
import { waitFor } from '../support/services/service.ts';
import { runDoctor } from './support.ts';

describe('doctor on the command line', () => {
  it.each([
    [['--wait', 'soon'], /--wait "soon" is no duration: write it like 10s/],
    [['--only', 'redis'], /--only "redis" is unknown: use sources or sinks/],
    [['--only', 'sinks', 'host:1'], /leave out the endpoints/],
    [['--replay', 'host:1'], /--replay belongs to one endpoint/],
    [['udp://host:1'], /endpoint "udp:\/\/host:1" must begin with tcp:\/\/ or ipc:\/\//],
    [['--zmq-port', 'x'], /zmq\.port/],
  ])('%j is wrong usage', async (argv, message) => {
    const { exitCode, stdout, stderr } = await runDoctor(argv);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  it('is plain in a pipe; has colours and a countdown on a terminal', async () => {
    const argv = [`127.0.0.1:${await freePorts()}`];
    const piped = await runDoctor(argv);
    expect(piped.stdout).toMatch(
      /^source endpoint: connect .*\n {2}failure .*\[port-closed\]\n {10}→ .*\n\nVerdict: No events: .*\n$/s,
    );
    expect([piped.stdout.includes('\x1b'), piped.stderr, piped.exitCode]).toEqual([false, '', 1]);
    const shown = await runDoctor(argv, {}, { isTTY: true });
    expect(shown.stdout).toContain('\x1b[31m');
    expect(shown.stderr).toMatch(/waiting for frames, \d+ s left/);
    expect((await runDoctor(argv, { NO_COLOR: '1' }, { isTTY: true })).stdout).not.toContain('\x1b');
  });

  it('looks at many engines at once, without a word of Node about it', async () => {
    const closed = Array.from({ length: 15 }, (_, index) => `127.0.0.${index + 1}:${index + 1}`);
    const program = new Program('doctor', { args: [...closed, '--wait', '0s'], env: { HTTP_PORT: 'off' } });
    expect(await program.exited).toBe(1);
    expect(program.stdout).toMatch(/Verdict: No events: tcp:\S+, tcp:\S+ and 13 more: connection refused, nobody/);
    expect(program.stderr).toBe('');
  });

  it('ends at Ctrl-C with what it has', async () => {
    let stop: (() => void) | undefined;
    const running = runDoctor(
      ['--only', 'sources', '--wait', '1h', '--zmq-port', String(await freePorts())],
      {},
      {
        onStart: (given) => {
          stop = given;
        },
      },
    );
    await waitFor(() => stop !== undefined, { what: 'it listens for signals', every: 5 });
    stop?.();
    const { exitCode, stdout } = await running;
    expect(stdout).toContain('Verdict: Interrupted');
    expect(exitCode).toBe(1);
  });
});
