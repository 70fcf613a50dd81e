import { ConfigError } from '../../src/core/errors.ts';
import { deliverySettings, laneSettings } from '../../src/core/lane-settings.ts';
import type { Settings, SettingsValue } from '../../src/core/settings.ts';
import type { SinkModule } from '../../src/core/sink.ts';

const lampSettings = {
  url: { doc: 'Where it is.', format: 'name', default: 'lamp://localhost', credentials: true },
  nodes: { doc: 'More of them.', format: 'list', default: [], credentials: true },
  password: { doc: 'Its password.', format: 'name', default: null, secret: true },
  label: { doc: 'Any text.', format: 'text', default: '' },
  colour: { doc: 'Its colour.', choices: ['red', 'green'], default: 'red' },
  isOn: { doc: 'Whether it shines.', format: 'flag', default: false },
  depth: { inner: { token: { doc: 'A nested secret.', format: 'text', default: '', secret: true } } },
  ...laneSettings,
  ...deliverySettings,
} as const satisfies Settings;

/** A sink with every kind of secret; red lamps with a label cannot be. */
export const lamp: SinkModule<typeof lampSettings> = {
  name: 'lamp',
  settings: lampSettings,
  check({ colour, label, url, password }: SettingsValue<typeof lampSettings>) {
    if (url.startsWith('bad:')) throw new ConfigError(`lamp.url: ${url} with ${password} is bad`);
    if (colour === 'red' && label !== '') throw new ConfigError('lamp.label and lamp.colour red do not go together');
  },
  create: () => Promise.reject(new Error('never made here')),
};

export const plain: SinkModule = {
  name: 'stdout',
  settings: { level: { doc: 'How much.', format: 'integer', default: null, min: 1, max: 9 } },
  create: () => Promise.reject(new Error('never made here')),
};

export const fakes: readonly SinkModule[] = [plain, lamp];
