import type { Settings, SettingsValue } from '../../src/core/settings.ts';
import { isSetting } from '../../src/core/settings.ts';

/** The section that a configuration without any entry gives. */
export function defaultsOf<S extends Settings>(settings: S): SettingsValue<S> {
  const values = Object.entries(settings).map(([key, value]) => [
    key,
    isSetting(value) ? value.default : defaultsOf(value),
  ]);
  return Object.fromEntries(values) as SettingsValue<S>;
}
