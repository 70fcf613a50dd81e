import type { FindingRow } from '../core/finding-table.ts';
import { finderOf } from '../core/finding-table.ts';

/** Of one end that is dialled: name, connection, and what answers there. */
export const endpointFindings = {
  'name-resolved': { level: 'ok', means: 'The name has these addresses.', remedy: null },
  'name-unknown': {
    level: 'failure',
    means: 'The name has no address, or the name server does not answer.',
    remedy: 'correct the name (in Kubernetes: service.namespace), or ask why the name server does not know it',
    cause: 'the name has no address',
  },
  'name-many': {
    level: 'warning',
    means: 'The name has several addresses of one family, as a headless service has. A source connects to one of them.',
    remedy: 'give each engine a source of its own, or bind and let the engines dial in',
    cause: 'several machines behind one name, of which one is read',
  },
  'ipc-missing': {
    level: 'failure',
    means: 'The path of an ipc:// endpoint does not exist.',
    remedy: 'start the engine first, share its folder with the bridge, or correct the path',
    cause: 'the path does not exist',
  },
  'port-closed': {
    level: 'failure',
    means: 'The host is there and refuses the connection: nobody listens on that port.',
    remedy:
      'start the engine with KV-cache events on, and compare the port with its endpoint (vLLM: tcp://*:5557; without * it dials out itself: then let the bridge bind)',
    cause: 'connection refused, nobody listens there',
  },
  'port-silent': {
    level: 'failure',
    means: 'No answer to the attempt to connect.',
    remedy: 'check the address, firewalls and network policies between here and the engine',
    cause: 'no answer to connecting',
  },
  'host-unreachable': {
    level: 'failure',
    means: 'There is no way to that host or network.',
    remedy: 'check the address and the routes; is the pod still there?',
    cause: 'no way to that host',
  },
  'not-zeromq': {
    level: 'failure',
    means: 'Something answers there that does not speak ZeroMQ; its first bytes say what it looks like.',
    remedy: 'use the port of the KV-cache events, not that of the API',
    cause: 'not ZeroMQ',
  },
  'peer-mute': {
    level: 'failure',
    means: 'Something takes connections there and says nothing.',
    remedy: 'look whether the engine hangs, or whether a proxy in between has nobody behind it',
    cause: 'takes connections and says nothing',
  },
  'peer-hangs-up': {
    level: 'failure',
    means: 'Something takes connections there and ends them at once.',
    remedy: 'look at the log of what listens there; a proxy with nobody behind it does this, too',
    cause: 'takes connections and ends them',
  },
  'mechanism-mismatch': {
    level: 'failure',
    means: 'The socket has another security mechanism (NULL, PLAIN, CURVE, GSSAPI) than the source.',
    remedy: 'give both sides the same mechanism and credentials; GSSAPI the bridge does not have',
    cause: 'another security mechanism than the source has',
  },
  'credentials-refused': {
    level: 'failure',
    means: 'The socket refuses the credentials of the source (PLAIN, CURVE), or has nobody who looks at them.',
    remedy:
      'compare plainUsername and plainPassword with those of the engine; its libzmq needs a ZAP handler to know them',
    cause: 'wrong user name or password',
  },
  'old-zmtp': {
    level: 'failure',
    means: 'The socket speaks a ZeroMQ protocol older than ZMTP 3.',
    remedy: 'give the engine libzmq 4 or newer',
    cause: 'a ZeroMQ protocol that is too old',
  },
  'handshake-failed': {
    level: 'failure',
    means: 'The socket speaks ZeroMQ, and its handshake cannot be understood or was refused.',
    remedy: 'look at the log of the engine; another ZeroMQ library there may help',
    cause: 'the ZeroMQ handshake fails',
  },
  encrypted: { level: 'ok', means: 'A ZeroMQ socket answers that wants CURVE, as the source does.', remedy: null },
  publisher: { level: 'ok', means: 'A ZeroMQ PUB or XPUB answers.', remedy: null },
  'replay-port': {
    level: 'failure',
    means: 'A ROUTER answers where events are asked for: that is the replay socket of an engine.',
    remedy: 'put this endpoint into replay, and the port of the events into connect',
    cause: 'a ROUTER answers, the replay socket of an engine',
  },
  'ports-swapped': {
    level: 'failure',
    means:
      'The replay socket answers where events are asked for, and the publisher where replays are: the two are swapped.',
    remedy: 'swap connect and replay',
    cause: 'connect and replay are swapped',
  },
  'other-subscriber': {
    level: 'failure',
    means: 'A SUB answers: another subscriber, a bridge for example, is bound there.',
    remedy: 'let the engines dial in there, and ask that bridge; or connect to the engines themselves',
    cause: 'another subscriber is bound there',
  },
  'other-socket': {
    level: 'failure',
    means: 'A ZeroMQ socket of another kind answers.',
    remedy: 'use the port of the KV-cache events',
    cause: 'a ZeroMQ socket of another kind',
  },
  'publisher-nearby': {
    level: 'note',
    means: 'A publisher answers on a neighbouring port (5556, 5557 and 5558 are easily mixed up).',
    remedy: 'connect to that port instead, if it is the engine that is meant',
  },
  'router-nearby': {
    level: 'note',
    means: 'A replay socket (ROUTER) answers on a neighbouring port.',
    remedy: 'set replay to it, if it is the engine that is meant: gaps are then filled',
  },
} as const satisfies Readonly<Record<string, FindingRow>>;

export const endpointFinding = finderOf(endpointFindings);
