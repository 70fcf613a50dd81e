import { BridgeError, codeOf, messageOf } from '../core/errors.ts';

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'another process uses the port; end it, or choose another one (zmq.port, ZMQ_PORT, or bind of the source)',
  EADDRNOTAVAIL: 'the address belongs to none of this machine’s interfaces; bind tcp://*:<port> or a local address',
  ENODEV: 'the host is no interface or address of this machine; bind tcp://*:<port> or a local address',
  EAGAIN: 'the name does not resolve now; check the name server or use an address',
  EACCES: 'this user may not use the port or path; choose a port above 1023 or give the right',
  EPROTONOSUPPORT: 'the transport is not supported; use tcp://host:port',
  EINVAL: 'the address is not valid; write it like tcp://10.0.0.7:5557',
  ENOENT: 'the folder of the ipc path does not exist; create it',
};

/** Why an endpoint could not be used, and what to do. */
export function openError(error: unknown, mode: 'bind' | 'connect', endpoint: string): BridgeError {
  const code = codeOf(error) ?? 'UNKNOWN';
  const remedy = remedies[code] ?? 'check the address';
  const message = messageOf(error);
  const reason = message.includes(code) ? message : `${message} (${code})`;
  return new BridgeError(code, `cannot ${mode} ${endpoint}: ${reason}; ${remedy}`, {
    cause: error,
  });
}
