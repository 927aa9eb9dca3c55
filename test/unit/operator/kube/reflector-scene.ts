/** A reflector on a virtual clock and the API server that it follows. */
import { afterEach, expect } from 'vitest';
import { EventLog } from '../../../../base/events.ts';
import { Cache } from '../../../../operator/kube/cache.ts';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import type { KubeObject } from '../../../../operator/kube/object.ts';
import { Reach } from '../../../../operator/kube/reach.ts';
import { Reflector, type ReflectorCount } from '../../../../operator/kube/reflector.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeApi } from '../../../fakes/kubernetes/api.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

export function reflectorScene({
  namespaces = [undefined] as (string | undefined)[],
  random = (): number => 0,
  metadataOnly = false,
} = {}) {
  const api = new FakeApi();
  const cache = new Cache<KubeObject>();
  const clock = new FakeClock();
  const reach = new Reach(clock);
  const lines: string[] = [];
  const counts: ReflectorCount[] = [];
  const told: string[] = [];
  cache.onChange(({ type, object, initial }) =>
    told.push(`${type} ${object.metadata.name}${initial ? ' initially' : ''}`),
  );
  const log = new EventLog(({ name, fields }) => lines.push(`${name} ${String(fields['sort'] ?? '')}`.trim()));
  const stop = new AbortController();
  const common = { api, kind: KINDS.configMap, cache, reach, clock, log, random, metadataOnly };
  const onCount = (what: ReflectorCount) => counts.push(what);
  const reflectors = namespaces.map((namespace) => new Reflector({ ...common, namespace, onCount }));
  let runs: Promise<unknown> = Promise.resolve();
  /** Settles when the cache is synced. */
  const start = () => {
    runs = Promise.all(reflectors.map((reflector) => reflector.run(stop.signal)));
    return Promise.all(reflectors.map(({ synced }) => synced));
  };
  /** Settles when all runs have ended. */
  const end = async () => {
    stop.abort();
    await runs;
  };
  stops.push(end);
  const put = (name: string, more: object = {}) =>
    api.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...more } });
  /** What the invariant of all these tests is. */
  const equal = () => {
    const versions = (objects: Iterable<KubeObject>) =>
      [...objects].map(({ metadata: { uid, resourceVersion } }) => `${uid}@${resourceVersion}`).sort();
    expect(versions(cache.list())).toEqual(versions(api.list()));
  };
  return { api, cache, reach, clock, lines, told, counts, start, put, equal, end };
}
