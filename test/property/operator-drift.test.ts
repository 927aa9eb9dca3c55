/** Drift of children, for any object: what the server returns of ours is up to date however much is added to it, and is not as soon as anything of ours is otherwise. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KubeObject } from '../../operator/kube/object.ts';
import { upToDate, withHash } from '../../operator/reconcile/drift.ts';
import { edited } from '../fakes/edit.ts';

type Json = string | number | boolean | Json[] | { [name: string]: Json };

const names = fc.stringMatching(/^[a-z]{1,6}$/);
const scalars = fc.oneof(fc.string({ minLength: 1 }), fc.integer({ min: 1 }), fc.constant(true));
/** Nothing of it is empty, because the server leaves that out. */
const { value: values } = fc.letrec<{ value: Json; group: { [name: string]: Json } }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalars,
    tie('group'),
    fc.array(scalars, { minLength: 1, maxLength: 3 }),
    named(tie('group')),
  ),
  group: fc.dictionary(names, tie('value'), { minKeys: 1, maxKeys: 4 }),
}));

function named(group: fc.Arbitrary<{ [name: string]: Json }>): fc.Arbitrary<Json[]> {
  return fc
    .uniqueArray(fc.tuple(names, group), { selector: ([name]) => name, minLength: 1, maxLength: 3 })
    .map((items) => items.map(([name, rest]) => ({ ...rest, name })));
}

const objects = fc.dictionary(names, values, { minKeys: 1, maxKeys: 4 }).map((spec): KubeObject & { spec: Json } => ({
  ...{ apiVersion: 'v1', kind: 'Thing' },
  metadata: { name: 'a', namespace: 'n', labels: { x: 'y' } },
  spec,
}));

const isNamed = (list: Json[]): boolean => list.every((item) => typeof item === 'object' && 'name' in item);

/** As the server returns it: members that nobody sent in every group, things of others between ours. */
function sprinkled(value: Json): Json {
  if (Array.isArray(value)) {
    const items = value.map(sprinkled);
    return isNamed(value) ? [{ name: 'Of-Somebody-Else' }, ...items.reverse()] : items;
  }
  if (typeof value !== 'object') return value;
  return Object.fromEntries([
    ['FilledIn', 1],
    ...Object.entries(value).map(([name, inner]) => [name, sprinkled(inner)]),
  ]) as Json;
}

/** Places of everything that is ours, by the members on the way. */
function placesIn(value: Json, at: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object') return [at];
  const inner = Object.entries(value).flatMap(([name, child]) =>
    placesIn(child, [...at, Array.isArray(value) ? Number(name) : name]),
  );
  return at.length === 0 ? inner : [at, ...inner];
}

test('what was applied is up to date, whatever else the server and others put beside it', () => {
  fc.assert(
    fc.property(objects, (object) => {
      const desired = withHash(object);
      const live = { ...desired, spec: sprinkled(object.spec), status: { ready: true } };
      expect(upToDate(desired, live)).toBe(true);
      expect(upToDate(desired, JSON.parse(JSON.stringify(live)) as KubeObject)).toBe(true);
    }),
  );
});

test('whatever of ours is changed or removed is seen', () => {
  fc.assert(
    fc.property(objects, fc.nat(), fc.boolean(), (object, choice, removes) => {
      const desired = withHash(object);
      const live = { ...desired, spec: sprinkled(object.spec) };
      const places = placesIn(live.spec).filter((place) => !place.includes('FilledIn') && !isForeign(live.spec, place));
      const place = places[choice % places.length]!;
      const other = edited(live, ['spec', ...place], () => (removes ? undefined : 'Changed by somebody'));
      expect(upToDate(desired, other)).toBe(false);
    }),
  );
});

function isForeign(spec: Json, place: readonly (string | number)[]): boolean {
  let value = spec;
  for (const name of place) {
    value = (value as Record<string | number, Json>)[name]!;
    if (typeof value === 'object' && !Array.isArray(value) && value['name'] === 'Of-Somebody-Else') return true;
  }
  return false;
}
