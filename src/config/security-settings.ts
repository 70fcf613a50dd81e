import type { Settings } from '../core/settings.ts';

/** How a source and its engines make sure of each other. */
export const securitySettings = {
  plainUsername: {
    doc: 'User name of the security mechanism PLAIN, with `plainPassword`; without both there is no security (NULL). Where the source connects it is what the engine is told, where engines dial in what they have to tell. Replays use the same. PLAIN encrypts nothing: whoever reads the network reads the password and all events.',
    format: 'name',
    default: null,
  },
  plainPassword: {
    doc: 'Password of the security mechanism PLAIN, up to 255 bytes. Entries of `sources` without their own user name and password use those of `zmq`, which may come from a file.',
    format: 'name',
    default: null,
    secret: true,
  },
  curveServerKey: {
    doc: 'Public key of the engine, of its replay socket too: 40 characters of Z85. With `curveSecretKey` the source uses CURVE, which encrypts everything and lets both sides prove who they are. Where engines dial in, the public key of their replay sockets.',
    format: 'name',
    default: null,
  },
  curveSecretKey: {
    doc: 'Secret key of the bridge for CURVE; `kv-event-bridge keys` makes a pair. Where engines dial in, they have to know its public key. CURVE needs the transport `libzmq`, which `auto` then is.',
    format: 'name',
    default: null,
    secret: true,
  },
  curveAllow: {
    doc: 'Public keys of the engines that may dial in with CURVE; an empty list lets in every engine that knows the public key of the bridge.',
    format: 'list',
    default: [],
  },
} as const satisfies Settings;
