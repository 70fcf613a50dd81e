import { expect } from 'vitest';
import { waitFor } from '../../support/services/service.ts';
import type { Fault } from '../fault.ts';
import { dialled } from '../scenes.ts';

export const twoOfOneName: Fault = {
  name: 'two bridges of one name',
  broken: 'A second bridge was started with a copied configuration: both are fleet-a, and neither is a standby.',
  stage: async (stage) => {
    const redis = await stage.redis({ persist: 'everysec' });
    const settings = {
      ...{ BRIDGE_NAME: 'fleet-a', SINKS: 'redis', REDIS_URL: redis.url, REDIS_DELIVERY: 'exactly-once' },
      // Longer than everybody needs to look at it.
      LEASE_TTL: '60s',
    };
    const older = await dialled(stage, { settings });
    await waitFor(async () => (await redis.admin.xlen('kv-events')) > 0, { what: 'records arrive in Redis' });
    await stage.bridge(older.env);
    return { ...older, ports: { ...older.ports, 6379: redis.port } };
  },
  status: {
    shows: ({ role, sinks: [sink] }) => ({ role, sink: { state: sink?.state, code: sink?.code } }),
    is: { role: 'fenced', sink: { state: 'down', code: expect.stringMatching(/FENCED/) } },
  },
  readiness: /^FENCED: another bridge of this name has taken over.*BRIDGE_NAME/,
  page: { selector: '#reasons', shows: /FENCED.*another bridge of this name/ },
  doctor: {
    exitCode: 1,
    codes: ['bridge-fenced', 'redis-name-held', 'name-held-elsewhere'],
    verdict: /fleet-a has taken over/,
  },
  alert: { name: 'KvEventBridgeFenced', summary: /Another bridge has taken over the name/ },
};
