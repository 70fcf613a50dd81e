import type { Setting, Settings } from '../core/settings.ts';
import { isSetting } from '../core/settings.ts';
import type { SinkModule } from '../core/sink.ts';
import type { AnySetting, SourcesSetting } from './formats.ts';
import { rootSettings } from './root-settings.ts';

export interface Tree {
  readonly [key: string]: AnySetting | Tree;
}

/** One setting and all its names. */
export interface Leaf {
  /** `kafka.createTopics` */
  readonly path: string;
  /** `kafka`; empty for what stands at the top. */
  readonly section: string;
  readonly setting: AnySetting;
  /** `KAFKA_CREATE_TOPICS` */
  readonly env: string;
  /** `kafka-create-topics` */
  readonly flag: string;
}

/** Every setting of this program: the root's and each sink's section under the sink's name. */
export interface Catalogue {
  readonly tree: Tree;
  readonly leaves: readonly Leaf[];
}

const sourcesSetting: SourcesSetting = {
  doc: 'The sources, each bound or connected. None given: one bound source `zmq` on `zmq.port`. As JSON in the environment and in flags.',
  format: 'sources',
  default: null,
};

/** The variable that would be NAME says too little in a container that runs more than one program. */
const environmentNames: Readonly<Record<string, string>> = { name: 'BRIDGE_NAME' };

export function catalogueOf(modules: readonly SinkModule[]): Catalogue {
  const { name, sinks, ...rest } = rootSettings;
  const sections = Object.fromEntries(modules.map((module) => [module.name, module.settings]));
  const tree: Tree = { name, sinks, sources: sourcesSetting, ...rest, ...sections };
  return { tree, leaves: leavesOf(tree) };
}

export function isLeaf(node: AnySetting | Tree): node is AnySetting {
  return isSetting(node as Setting | Settings);
}

function leavesOf(tree: Tree, above: readonly string[] = []): readonly Leaf[] {
  return Object.entries(tree).flatMap(([key, node]) => {
    const keys = [...above, key];
    return isLeaf(node) ? [leafOf(keys, node)] : leavesOf(node, keys);
  });
}

function leafOf(keys: readonly string[], setting: AnySetting): Leaf {
  const path = keys.join('.');
  const words = keys.flatMap((key) => key.split(/(?<=[a-z0-9])(?=[A-Z])/)).map((word) => word.toLowerCase());
  return {
    path,
    section: keys.length > 1 ? (keys[0] ?? '') : '',
    setting,
    env: environmentNames[path] ?? words.join('_').toUpperCase(),
    flag: words.join('-'),
  };
}
