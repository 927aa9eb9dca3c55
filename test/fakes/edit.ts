/** Changes deep inside JSON, for tests that ask what becomes of an altered object. */

export type Way = readonly (string | number)[];

/** A copy in which the value at the end of the way is what `change` makes of it; undefined removes it. */
export function edited<T>(value: T, way: Way, change: (before: unknown) => unknown): T {
  const copy = structuredClone(value);
  const around = way.slice(0, -1).reduce<unknown>((outer, name) => (outer as Record<string, unknown>)[name], copy);
  const last = way.at(-1)!;
  const after = change((around as Record<string, unknown>)[last]);
  if (after !== undefined) (around as Record<string, unknown>)[last] = after;
  else if (Array.isArray(around)) around.splice(Number(last), 1);
  else Reflect.deleteProperty(around as object, last);
  return copy;
}
