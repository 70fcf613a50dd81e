// Writes docs/configuration.md from the settings of the built program: `npm run build && node scripts/docs.mjs`.
import { writeFileSync } from 'node:fs';
import { catalogueOf } from '../dist/config/catalogue.js';
import { configurationPage } from '../dist/config/markdown.js';
import { sinkModules } from '../dist/sinks/registry.js';

writeFileSync(new URL('../docs/configuration.md', import.meta.url), configurationPage(catalogueOf(sinkModules)));
