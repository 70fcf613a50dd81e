import { describe, expect, it } from 'vitest';
import { checkReplayEndpoint } from '../../src/ingress/replay-endpoint.ts';

describe('checkReplayEndpoint', () => {
  it.each([
    'tcp://10.0.0.7:5558',
    'tcp://engine-7.default.svc.cluster.local:5558',
    'tcp://engine_7:5558',
    'tcp://[2001:db8::7]:5558',
    'tcp://[::ffff:10.0.0.7]:5558',
    'tcp://[fe80::1%eth0]:5558',
    'ipc:///run/replay',
  ])('lets %s pass', (endpoint) => {
    expect(() => checkReplayEndpoint(endpoint)).not.toThrow();
  });

  it.each([
    'tcp://*:5558',
    'tcp://10.0.0.7:0',
    'tcp://10.0.0.7:99999',
    'tcp://10.0.0.7',
    'tcp://2001:db8::7:5558',
    // libzmq: connect to the second, from the first.
    'tcp://10.0.0.7:0;192.168.0.1:5558',
    'tcp://10.0.0.7:5558;192.168.0.1:22',
    'tcp://host name:5558',
    'tcp://user@host:5558',
    'tcp://a/b:5558',
    'tcp://host\n:5558',
    'udp://10.0.0.7:5558',
    '',
  ])('refuses %j', (endpoint) => {
    expect(() => checkReplayEndpoint(endpoint)).toThrow(expect.objectContaining({ code: 'BAD_ENDPOINT' }));
  });
});
