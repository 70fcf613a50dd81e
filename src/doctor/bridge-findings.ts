import type { FindingRow } from '../core/finding-table.ts';
import { finderOf } from '../core/finding-table.ts';

/** Of ports that the bridge binds, and of a bridge that runs. */
export const bridgeFindings = {
  'port-free': { level: 'ok', means: 'The port is free: doctor listened there itself.', remedy: null },
  'port-unbound': {
    level: 'skipped',
    means: 'The port is free; with --no-bind, or --wait 0, nobody listened there.',
    remedy: null,
  },
  'port-taken': {
    level: 'failure',
    means: 'Another program listens on the port that a source binds.',
    remedy: 'end that program, or choose another port',
    cause: 'another program has the port',
  },
  'port-held': {
    level: 'warning',
    means:
      'A subscriber, or a socket that wants the password or keys of the source, has the port that a source binds: the bridge itself as a rule, which could not be asked (HTTP is off, or it is a standby that was asked).',
    remedy: 'ask the bridge that has it: run doctor with its HTTP_PORT; a second bridge cannot have the port, too',
    cause: 'a bridge that was not asked has the port',
  },
  'bind-failed': {
    level: 'failure',
    means: 'The endpoint of a bound source cannot be bound.',
    remedy: 'correct the endpoint',
    cause: 'cannot be bound',
  },
  engines: { level: 'ok', means: 'These engines dialled in.', remedy: null },
  'engines-none': {
    level: 'failure',
    means: 'No engine dialled in while we waited.',
    remedy:
      'point the endpoint of the engines at this machine and port (vLLM: tcp://host:5557, without *, or it binds itself), and check Service and network policies',
    cause: 'nobody dialled in',
  },
  'engines-refused': {
    level: 'failure',
    means: 'Whoever dialled in was refused: no publisher, another security mechanism, or wrong credentials.',
    remedy: 'look at the warnings above: each has an address and why it was refused',
    cause: 'whoever dialled in was refused',
  },
  'peer-refused': {
    level: 'warning',
    means: 'Somebody dialled in who is no publisher, has another security mechanism, or the wrong credentials.',
    remedy: 'look at the address: an engine with other security settings, a health check, or a client of another kind',
    cause: 'somebody who dials in is refused',
  },
  'bridge-absent': {
    level: 'note',
    means: 'No bridge answers on the HTTP port of this configuration: everything was looked at from here.',
    remedy: 'start the bridge, or give doctor the HTTP_PORT that it has',
  },
  'http-foreign': {
    level: 'warning',
    means: 'Something else than a bridge has the HTTP port of this configuration, or a bridge that does not answer.',
    remedy: 'if it is the bridge, it hangs: look at its log; else end that program, or set HTTP_PORT to another port',
    cause: 'something else, or a bridge that hangs, has the HTTP port',
  },
  'bridge-ready': { level: 'ok', means: 'The bridge that runs here is ready.', remedy: null },
  'bridge-not-ready': {
    level: 'failure',
    means: 'The bridge that runs here is not ready, for these reasons.',
    remedy: 'mend the parts that it names; what is wrong with each stands below and in the log of the bridge',
    cause: 'the bridge is not ready',
  },
  'bridge-fenced': {
    level: 'failure',
    means:
      'Another bridge of this name has taken over from the one that runs here, which writes nothing more and ends.',
    remedy: 'give each bridge a name of its own (BRIDGE_NAME), or run one of the two with STANDBY=true',
    cause: 'another bridge of this name has taken over',
  },
  'bridge-standby': { level: 'note', means: 'The bridge that runs here waits as a standby.', remedy: null },
  'bridge-other-name': {
    level: 'warning',
    means: 'The bridge that runs here has another name than this configuration.',
    remedy: 'run doctor with the configuration of that bridge',
    cause: 'another name than in this configuration',
  },
  'bridge-source': { level: 'ok', means: 'A source of the running bridge has publishers and frames.', remedy: null },
  'bridge-source-quiet': {
    level: 'warning',
    means: 'A source of the running bridge has publishers, and no frame for a minute, or ever.',
    remedy: 'send the engine a request and look again; compare topics with what the engines send',
    cause: 'connected, and no frame for a minute',
  },
  'bridge-source-closed': {
    level: 'failure',
    means: 'A source of the running bridge is not open: it receives nothing.',
    remedy: 'look at the log of the bridge; one that is about to end has closed its sources',
    cause: 'not open',
  },
  'bridge-source-alone': {
    level: 'failure',
    means: 'A source of the running bridge has no publisher.',
    remedy: 'start the engines, and compare their endpoint with that of the source',
    cause: 'no engine is connected',
  },
  'bridge-recovering': {
    level: 'note',
    means: 'The running bridge asks engines for what is missing.',
    remedy: null,
  },
  'bridge-gaps': {
    level: 'warning',
    means: 'The running bridge has recorded gaps: batches that never come.',
    remedy: 'look at the StreamGap records for their reasons; set replay where there is none',
    cause: 'batches are lost',
  },
  'bridge-undecodable': {
    level: 'warning',
    means: 'The running bridge has met messages that it cannot read.',
    remedy: 'look at the Undecodable records',
    cause: 'some messages cannot be read',
  },
  'bridge-clock-skew': {
    level: 'warning',
    means: 'The clock of an engine and that of the bridge are more than a second apart.',
    remedy: 'set the clocks of both machines by NTP',
    cause: 'clocks more than a second apart',
  },
  'bridge-sink': { level: 'ok', means: 'A sink of the running bridge is up.', remedy: null },
  'bridge-sink-connecting': {
    level: 'warning',
    means: 'A sink of the running bridge has not connected yet.',
    remedy: 'look again in a moment; if it stays so, look at the destination',
    cause: 'not connected yet',
  },
  'bridge-sink-lag': {
    level: 'warning',
    means: 'Records wait in the lane of a sink for more than ten seconds.',
    remedy: 'look at the destination: it is slower than the engines, or was away',
    cause: 'records wait',
  },
  'bridge-sink-down': {
    level: 'failure',
    means: 'A sink of the running bridge is down.',
    remedy: 'mend what its error names',
    cause: 'down',
  },
  'name-held-elsewhere': {
    level: 'warning',
    means:
      'A bridge of this name is active, and not the one on the HTTP port here: of two bridges of one name the newer ends the older.',
    remedy: 'give each bridge a name of its own (BRIDGE_NAME), or run the second one with STANDBY=true',
    cause: 'active elsewhere, too',
  },
  'examination-failed': {
    level: 'failure',
    means: 'A sink could not be looked at: an error that nobody expected.',
    remedy: 'report this with the version of the bridge and of the destination',
    cause: 'could not be looked at',
  },
} as const satisfies Readonly<Record<string, FindingRow>>;

export const bridgeFinding = finderOf(bridgeFindings);
