/** How the API server changes an object: server-side apply and JSON patch, as far as the operator uses them. */
import { isDeepStrictEqual } from 'node:util';
import type { PatchOperation } from '../../../operator/kube/apply.ts';

type Json = Record<string, unknown>;

/** `before`: what the same manager applied the last time; what it does not say any more goes. */
export function applied(live: Json, before: Json, wanted: Json): Json {
  const kept = Object.entries(live).filter(([key]) => key in wanted || !(key in before));
  const next: Json = Object.fromEntries(kept);
  for (const [key, value] of Object.entries(wanted)) next[key] = merged(live[key], before[key], value);
  return next;
}

function merged(live: unknown, before: unknown, wanted: unknown): unknown {
  if (isNamed(live) && isNamed(wanted)) return mergedList(live, isNamed(before) ? before : [], wanted);
  if (!isObject(wanted)) return wanted;
  return applied(isObject(live) ? live : {}, isObject(before) ? before : {}, wanted);
}

function mergedList(live: readonly Named[], before: readonly Named[], wanted: readonly Named[]): Json[] {
  const find = (list: readonly Named[], name: string) => list.find((one) => one.name === name);
  const others = live.filter(({ name }) => !find(wanted, name) && !find(before, name));
  return [...wanted.map((one) => merged(find(live, one.name), find(before, one.name), one) as Json), ...others];
}

type Named = Json & { readonly name: string };

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isNamed = (value: unknown): value is Named[] =>
  Array.isArray(value) && value.length > 0 && value.every((one) => isObject(one) && typeof one['name'] === 'string');

/** RFC 6902 on members of objects; undefined when a test fails. */
export function patched(live: Json, operations: readonly PatchOperation[]): Json | undefined {
  const next = structuredClone(live);
  for (const { op, path, value } of operations) {
    const steps = path
      .split('/')
      .slice(1)
      .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = steps.pop()!;
    let at: Json = next;
    for (const step of steps) at = at[step] as Json;
    if (op === 'test' && !isDeepStrictEqual(at[last], value)) return undefined;
    if (op === 'remove') Reflect.deleteProperty(at, last);
    if (op === 'add' || op === 'replace') at[last] = value;
  }
  return next;
}
