import { describe, expect, it } from 'vitest';
import { rootSettings } from '../../src/config/root-settings.ts';
import type { Tree } from './support.ts';
import { read, yamlDocuments } from './support.ts';

const [compose] = yamlDocuments('docker-compose.yml');
const services = (compose as Tree).at('services');

function servicesOf(profile: string): string[] {
  return services.keys.filter((name) => (services.at(name, 'profiles').value as string[]).includes(profile)).sort();
}

describe('docker-compose.yml', () => {
  it('starts bridge, redis, kafka and simulator by default', () => {
    expect(read('.env')).toMatch(/^COMPOSE_PROFILES=all$/m);
    expect(servicesOf('all')).toEqual(['bridge', 'kafka', 'redis', 'simulator']);
  });

  it.each(['redis', 'kafka'])(
    'the profile %s has that store alone, and a bridge that writes to nothing else',
    (profile) => {
      const bridge = `bridge-${profile}`;
      expect(servicesOf(profile)).toEqual([bridge, profile, 'simulator'].sort());
      expect(services.at(bridge, 'environment', 'SINKS').value).toBe(`stdout,${profile}`);
      expect(services.at(bridge, 'depends_on').value).toEqual({ [profile]: { condition: 'service_healthy' } });
      expect(services.at(bridge, 'networks', 'default', 'aliases').value).toEqual(['bridge']);
    },
  );

  it('writes to both stores by default, once both are healthy', () => {
    expect(services.at('bridge', 'environment', 'SINKS').value).toBe('stdout,redis,kafka');
    expect(services.at('bridge', 'depends_on').value).toEqual({
      redis: { condition: 'service_healthy' },
      kafka: { condition: 'service_healthy' },
    });
  });

  it('lets the simulator begin only when the bridge of its profile listens', () => {
    for (const name of ['bridge', 'bridge-redis', 'bridge-kafka']) {
      expect(services.at('simulator', 'depends_on', name).value).toEqual({
        condition: 'service_healthy',
        required: false,
      });
    }
    expect(services.at('simulator', 'command').value).toEqual(
      expect.arrayContaining(['simulate', 'tcp://bridge:5557']),
    );
  });

  it('keeps what was written: volumes, Redis with appendonly and without eviction', () => {
    expect((compose as Tree).at('volumes').keys).toEqual(expect.arrayContaining(['kafka-data', 'redis-data']));
    expect(services.at('redis', 'volumes').value).toEqual(['redis-data:/data']);
    expect(services.at('kafka', 'volumes').value).toEqual(['kafka-data:/var/lib/kafka/data']);
    expect(services.at('redis', 'command').value).toEqual(
      expect.arrayContaining(['--appendonly', 'yes', '--maxmemory-policy', 'noeviction']),
    );
    expect(services.at('kafka', 'environment', 'KAFKA_LOG_DIRS').value).toBe('/var/lib/kafka/data');
  });

  it.each(['bridge', 'bridge-redis', 'bridge-kafka'])('%s may drain before it is killed, and has no rights', (name) => {
    const seconds = Number.parseInt(services.at(name, 'stop_grace_period').text, 10);
    expect(seconds * 1_000).toBeGreaterThan(rootSettings.drainTimeout.default + 10_000);
    expect(services.at(name, 'read_only').value).toBe(true);
    expect(services.at(name, 'cap_drop').value).toEqual(['ALL']);
  });

  it('opens ports on this machine only', () => {
    const ports = services.keys.flatMap((name) =>
      services.at(name).has('ports') ? services.at(name, 'ports').items : [],
    );
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port.text).toMatch(/^127\.0\.0\.1:/);
  });

  it('watches the health of both stores', () => {
    for (const name of ['redis', 'kafka']) expect(services.at(name, 'healthcheck', 'test', 0).value).toBe('CMD');
  });
});
