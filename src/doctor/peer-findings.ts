import type { Finding } from '../core/finding.ts';
import type { Security } from '../core/security.ts';
import { endpointFindings, endpointFinding as find } from './endpoint-findings.ts';
import type { Peer } from './greeting.ts';

export function isPublisher(peer: Peer | null): boolean {
  return peer?.kind === 'zmq' && (peer.type === 'PUB' || peer.type === 'XPUB');
}

/** Or it may be one, for all that can be seen. */
export function mayPublish(peer: Peer | null): boolean {
  return peer === null || peer.kind === 'guarded' || isPublisher(peer);
}

export function isRouter(peer: Peer | null): boolean {
  return peer?.kind === 'zmq' && peer.type === 'ROUTER';
}

/** Of an engine on either side whose security is not that of the source. */
export function foreignMechanism(mechanism: string, own: string): { readonly cause: string; readonly remedy: string } {
  const cause = `${wish(mechanism)}; the source has ${own}`;
  return { cause, remedy: remedies[mechanism] ?? endpointFindings['mechanism-mismatch'].remedy };
}

const remedies: Readonly<Record<string, string>> = {
  NULL: 'give the engine the credentials of the source, or unset those of the source (plainUsername and plainPassword, or the CURVE keys)',
  PLAIN: "set plainUsername and plainPassword (ZMQ_PLAIN_USERNAME, ZMQ_PLAIN_PASSWORD_FILE) to the engine's",
  CURVE:
    'set curveSecretKey (kv-event-bridge keys makes a pair; the engine has to know the public key) and, where the source connects, curveServerKey',
};

/** Of who has the mechanism of the source and other credentials. */
export function wrongCredentials({ mechanism }: Security): { readonly cause: string; readonly remedy: string } {
  if (mechanism !== 'CURVE')
    return { cause: 'wrong user name or password', remedy: endpointFindings['credentials-refused'].remedy };
  return {
    cause: 'wrong CURVE keys',
    remedy:
      'compare curveServerKey with the public key of the engine, let the engine allow the public key of the bridge, and curveAllow that of an engine that dials in',
  };
}

function wish(mechanism: string): string {
  return mechanism === 'NULL' ? 'asks for no credentials (NULL)' : `wants ${mechanism}`;
}

/** What is wrong with whoever answers, before its kind of socket matters; null for a ZeroMQ socket. */
export function whyNoPeer(subject: string, peer: Peer): Finding | null {
  switch (peer.kind) {
    case 'zmq':
    case 'guarded':
      return null;
    case 'mechanism':
      return find('mechanism-mismatch', subject, `the socket ${wish(peer.mechanism)}; the source has ${peer.own}`, {
        facts: { mechanism: peer.mechanism },
        ...foreignMechanism(peer.mechanism, peer.own),
      });
    case 'refused':
      return find('credentials-refused', subject, peer.message);
    case 'old':
      return find('old-zmtp', subject, peer.message);
    case 'failed':
      return find('handshake-failed', subject, `the ZeroMQ handshake fails: ${peer.message}`);
    case 'mute':
      return find('peer-mute', subject, 'it takes the connection and says nothing');
    case 'closed':
      return find('peer-hangs-up', subject, 'it takes the connection and ends it without a word');
    case 'foreign':
      return find('not-zeromq', subject, foreignSentence(peer), {
        facts: { like: peer.like, begins: peer.begins },
        ...(peer.like !== null && { cause: `${peer.like}, not ZeroMQ` }),
      });
  }
}

function foreignSentence({ like, begins }: Extract<Peer, { kind: 'foreign' }>): string {
  const said = begins === '' ? '' : `; its answer begins with ${JSON.stringify(begins.slice(0, 24))}`;
  return like === null ? `it does not speak ZeroMQ${said}` : `it looks like ${like}, not like ZeroMQ${said}`;
}

/** Who answers where events are asked for. */
export function asPublisher(subject: string, peer: Peer): Finding {
  if (peer.kind === 'guarded')
    return find('encrypted', subject, 'a ZeroMQ socket with CURVE answers; its kind shows only with the right keys');
  const wrong = whyNoPeer(subject, peer);
  if (wrong !== null || peer.kind !== 'zmq') return wrong as Finding;
  const { type, version } = peer;
  const facts = { socket: type, zmtp: version };
  switch (type) {
    case 'PUB':
    case 'XPUB':
      return find('publisher', subject, `a ZeroMQ ${type} answers (ZMTP ${version}, no encryption)`, { facts });
    case 'ROUTER':
      return find('replay-port', subject, 'a ROUTER answers, no PUB: this is a replay socket', { facts });
    case 'SUB':
    case 'XSUB':
      return find('other-subscriber', subject, `a ${type} answers: another subscriber is bound there`, { facts });
    default:
      return find('other-socket', subject, `a ZeroMQ ${type} answers, no PUB`, {
        facts,
        cause: `a ZeroMQ ${type} answers, no publisher`,
      });
  }
}
