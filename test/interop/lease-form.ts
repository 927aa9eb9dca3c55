/** The form of lease items: attribute for attribute what real KCLs wrote, recorded in test/golden/vectors. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { KclVersion } from './kcl-worker.ts';
import type { Item } from './lease-table.ts';

const VECTORS = path.join(import.meta.dirname, '../golden/vectors');

interface Recorded {
  readonly stages: Readonly<Record<string, readonly Item[]>>;
}

/** Not on every lease, but never of another type: nobody has the lease; a KCL 3 made it, or has renewed it; kinlog wrote it. */
const OPTIONAL = { leaseOwner: 'S', entityType: 'S', throughputKBps: 'N', kinlog: 'S' };
/** Differ from run to run; their type does not. */
const VARYING = new Set(['leaseCounter', 'checkpointSubSequenceNumber', 'ownerSwitchesSinceCheckpoint']);

/** One text for an item, equal for equal forms. */
export function leaseForm(item: Item): string {
  const form = Object.entries(item)
    .filter(([name, value]) => !(name in OPTIONAL && OPTIONAL[name as keyof typeof OPTIONAL] in value))
    .map(([name, value]) => `${name} ${valueForm(name, value)}`);
  return form.sort().join('\n');
}

/** By shard, the forms that the real KCL gave its lease while the stream was split and merged as in scene.ts. */
export function recordedForms(version: KclVersion): Map<string, Set<string>> {
  const { stages } = JSON.parse(readFileSync(path.join(VECTORS, `${version}-lease-rows.json`), 'utf8')) as Recorded;
  const forms = new Map<string, Set<string>>();
  for (const item of Object.values(stages).flat()) {
    const key = item['leaseKey']!.S!;
    if ('leaseCounter' in item) forms.set(key, (forms.get(key) ?? new Set()).add(leaseForm(item)));
  }
  return forms;
}

function valueForm(name: string, value: Item[string]): string {
  const [type, content] = Object.entries(value)[0] as [string, unknown];
  if (VARYING.has(name)) return type;
  // A shard is finished or it is not; how far it was read is compared with what was taken.
  if (name === 'checkpoint' && content !== 'SHARD_END') return `${type} TRIM_HORIZON or digits`;
  return `${type} ${Array.isArray(content) ? content.toSorted().join(' ') : String(content)}`;
}
