import { describe, expect, it } from 'vitest';
import { checkEndpoint, rankEndpoint, resolvedEndpoint } from '../../src/ingress/endpoint.ts';

describe('rankEndpoint', () => {
  it.each([
    ['tcp://*:5557', 0, 'tcp://*:5557'],
    ['tcp://*:5557', 3, 'tcp://*:5560'],
    ['tcp://engine-7.svc:5557', 1, 'tcp://engine-7.svc:5558'],
    ['tcp://[2001:db8::5]:5557', 1, 'tcp://[2001:db8::5]:5558'],
    ['tcp://[fe80::1%eth0]:9', 2, 'tcp://[fe80::1%eth0]:11'],
    ['tcp://*:65534', 1, 'tcp://*:65535'],
    ['tcp://*:0', 5, 'tcp://*:0'],
    ['ipc:///run/kv', 0, 'ipc:///run/kv'],
  ])('%s for rank %i is %s', (endpoint, rank, expected) => {
    expect(rankEndpoint(endpoint, rank)).toBe(expected);
  });

  it.each([
    ['tcp://*:65535', /tcp:\/\/\*:65535 plus data-parallel rank 1 gives port 65536.*lower port/],
    ['ipc:///run/kv', /ipc:\/\/\/run\/kv has no port .*dataParallelSize 1/],
    ['tcp://host', /has no port/],
  ])('refuses %s for rank 1', (endpoint, message) => {
    expect(() => rankEndpoint(endpoint, 1)).toThrow(
      expect.objectContaining({ name: 'ConfigError', message: expect.stringMatching(message) }),
    );
  });
});

describe('checkEndpoint', () => {
  it.each(['tcp://*:0', 'tcp://*:*', 'tcp://[::]:5557', 'tcp://eth0:5557', 'ipc:///run/kv', 'tcp://0.0.0.0:65535'])(
    'lets %s be bound',
    (endpoint) => {
      expect(() => checkEndpoint(endpoint, 'bind')).not.toThrow();
    },
  );

  it.each(['tcp://*:65536', 'tcp://:5557', 'tcp://*', 'ipc://', 'udp://*:1', '5557', ''])(
    'refuses to bind %j',
    (endpoint) => {
      expect(() => checkEndpoint(endpoint, 'bind')).toThrow(expect.objectContaining({ code: 'BAD_ENDPOINT' }));
    },
  );

  it.each(['tcp://*:5557', 'tcp://engine:0', 'tcp://engine:*'])('refuses to connect to %s', (endpoint) => {
    expect(() => checkEndpoint(endpoint, 'connect')).toThrow(/names no address to connect to/);
  });
});

describe('resolvedEndpoint', () => {
  it.each([
    ['tcp://*:0', 'tcp://[::]:37645', 'tcp://*:37645'],
    ['tcp://*:*', 'tcp://0.0.0.0:1234', 'tcp://*:1234'],
    ['tcp://*:5557', 'tcp://[::]:5557', 'tcp://*:5557'],
    ['ipc:///run/kv', 'ipc:///run/kv', 'ipc:///run/kv'],
    ['tcp://*:0', null, 'tcp://*:0'],
  ])('%s bound as %s is %s', (endpoint, bound, expected) => {
    expect(resolvedEndpoint(endpoint, bound)).toBe(expected);
  });
});
