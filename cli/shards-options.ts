/** What `kinlog shards` can be told. */
import { flag, type OptionValues } from '../base/config.ts';
import { TARGET } from './checkpoints-target.ts';
import { CONNECTION } from './connection-options.ts';
import type { CliOption, CommandSpec } from './options.ts';
import { storeOptions } from './store-options.ts';

const SHARDS = {
  ...TARGET,
  json: { type: flag(), title: 'JSON', text: 'print JSON', default: 'false' },
  ascii: { type: flag(), title: 'ASCII', text: 'draw with ASCII characters only', default: 'false' },
  ...storeOptions('store', 'where its positions are; without one only the stream itself is drawn'),
  ...CONNECTION,
} as const satisfies Record<string, CliOption<unknown>>;

export type ShardsValues = OptionValues<typeof SHARDS>;

export const SHARDS_SPEC: CommandSpec<typeof SHARDS> = {
  name: 'kinlog shards',
  summary: 'Draws the shards of a stream, parents above children, and how far each is read.',
  table: SHARDS,
  notes: `RANGE is the share of the hash keys that goes to the shard. A shard of a merge stands below one parent and names both. READ TO and
LAST RECORD are as old as the stored position. Below the tree stands what needs a look: positions of shards that are gone,
hash keys that no open shard takes, and open shards without a position.
Exit status: 0 done; 1 usage; 100 failure; 130 interrupted.`,
};
