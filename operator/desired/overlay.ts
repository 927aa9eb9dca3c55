/** Lays fields of the user over the pod that the operator makes, by the rules of strategic merge patches. Pure. */
import type { Json } from './pod.ts';

/**
 * `merge`: items of one key become one. `replace`: the user's takes the place of ours, as an environment variable with `value` does of one with `valueFrom`.
 * `append`: the user's may have one key several times, and take the place of ours.
 */
interface KeyedList {
  /** What tells the items apart; the first is always there, but in a toleration of everything. */
  readonly keys: readonly string[];
  readonly how: 'merge' | 'replace' | 'append';
}

/** By the keys of k8s.io/api/core/v1: `patchMergeKey`, and `listMapKey` where there are more. */
const LISTS: Readonly<Record<string, KeyedList>> = {
  containers: { keys: ['name'], how: 'merge' },
  initContainers: { keys: ['name'], how: 'merge' },
  volumes: { keys: ['name'], how: 'replace' },
  env: { keys: ['name'], how: 'replace' },
  imagePullSecrets: { keys: ['name'], how: 'replace' },
  volumeMounts: { keys: ['mountPath'], how: 'replace' },
  volumeDevices: { keys: ['devicePath'], how: 'replace' },
  ports: { keys: ['containerPort', 'protocol'], how: 'replace' },
  hostAliases: { keys: ['ip'], how: 'replace' },
  topologySpreadConstraints: { keys: ['topologyKey', 'whenUnsatisfiable'], how: 'replace' },
  resourceClaims: { keys: ['name'], how: 'replace' },
  // Whoever tolerates a lost node for longer means it instead of our time.
  tolerations: { keys: ['key', 'effect'], how: 'append' },
};
/** A group of this name within one of these lists, such as a volume's source, is no list of the pod. */
const MERGED_IN = new Set(['', 'containers', 'initContainers']);

/** How a list is merged; `within`: the list in whose items it lies, empty for the pod itself. */
export const keyedList = (name: string, within: string): KeyedList | undefined =>
  MERGED_IN.has(within) && Object.hasOwn(LISTS, name) ? LISTS[name] : undefined;

export const isGroup = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Groups are merged, null removes, lists of named things are merged by their keys, other lists are replaced. Fields that are newer than the operator stay as they are:
 * https://github.com/kubernetes/community/blob/main/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 * `over` has no faults by `overlayFaults`. Neither is changed.
 */
export function overlaid(base: Json, over: Json): Json {
  return merged(base, over, '');
}

function merged(base: Json, over: Json, within: string): Json {
  const members = new Map(Object.entries(base));
  for (const [name, value] of Object.entries(over))
    if (value === null) members.delete(name);
    else members.set(name, mergedValue(name, members.get(name), value, within));
  return Object.fromEntries(members);
}

function mergedValue(name: string, base: unknown, over: unknown, within: string): unknown {
  const list = keyedList(name, within);
  if (list !== undefined && Array.isArray(over))
    return mergedList(name, list, { base: (base ?? []) as readonly Json[], over: over as readonly Json[] });
  // Below a list that we do not know groups are merged without looking for lists.
  if (isGroup(over)) return merged(isGroup(base) ? base : {}, over, within === '' ? name : 'other');
  return over;
}

/** Ours keep their places, and what is new follows. */
function mergedList(
  name: string,
  { keys, how }: KeyedList,
  { base, over }: { base: readonly Json[]; over: readonly Json[] },
): Json[] {
  if (how === 'append') {
    const taken = new Set(over.map((item) => keyText(item, keys)));
    return [...base.filter((item) => !taken.has(keyText(item, keys))), ...over.map(withoutNulls)];
  }
  const items = new Map(base.map((item) => [keyText(item, keys), item]));
  for (const item of over) {
    const key = keyText(item, keys);
    items.set(key, how === 'merge' ? merged(items.get(key) ?? {}, item, name) : withoutNulls(item));
  }
  return [...items.values()];
}

const withoutNulls = (item: Json): Json => merged({}, item, 'other');

export const keyText = (item: Json, keys: readonly string[]): string =>
  JSON.stringify(keys.map((key) => item[key] ?? null));
