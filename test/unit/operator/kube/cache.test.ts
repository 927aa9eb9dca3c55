/** What a cache tells, and whom it finds. */
import { expect, test } from 'vitest';
import { Cache, type Change } from '../../../../operator/kube/cache.ts';
import type { KubeObject } from '../../../../operator/kube/object.ts';

const object = (name: string, more: Partial<KubeObject['metadata']> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'logs', name, uid: `uid-${name}`, resourceVersion: '1', ...more },
});

function told(cache: Cache<KubeObject>): string[] {
  const lines: string[] = [];
  cache.onChange(({ type, object: { metadata }, before, initial }: Change<KubeObject>) =>
    lines.push(
      [type, metadata.uid, metadata.resourceVersion, before?.metadata.resourceVersion ?? '-', initial].join(' '),
    ),
  );
  return lines;
}

test('an object is told when it comes, when it changes, and when it goes, with what it was before', () => {
  const cache = new Cache<KubeObject>();
  const lines = told(cache);
  cache.put(object('one'), true);
  cache.put(object('one', { resourceVersion: '2' }));
  cache.remove(object('one', { resourceVersion: '3' }));
  expect(lines).toEqual(['added uid-one 1 - true', 'modified uid-one 2 1 false', 'deleted uid-one 3 2 false']);
  expect(cache.size).toBe(0);
});

test('the same version again is no news', () => {
  const cache = new Cache<KubeObject>();
  cache.put(object('one'));
  const lines = told(cache);
  cache.put(object('one'));
  expect(lines).toEqual([]);
});

test('an object that was deleted and made again unseen is told as deleted, then as added', () => {
  const cache = new Cache<KubeObject>();
  cache.put(object('one'));
  const lines = told(cache);
  cache.put(object('one', { uid: 'other', resourceVersion: '9' }));
  expect(lines).toEqual(['deleted uid-one 1 1 false', 'added other 9 - false']);
  cache.remove(object('one'));
  expect(cache.get('logs', 'one')?.metadata.uid).toBe('other');
});

test('what an object controls is found, whatever changes owner, and nothing else', () => {
  const owner = (uid: string, controller = true) => ({
    ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid, controller }],
  });
  const cache = new Cache<KubeObject>();
  cache.put(object('one', owner('a')));
  cache.put(object('two', owner('a')));
  cache.put(object('three', owner('a', false)));
  const names = (uid: string) => [...cache.ownedBy(uid)].map(({ metadata }) => metadata.name);
  expect(names('a')).toEqual(['one', 'two']);
  cache.put(object('one', { ...owner('b'), resourceVersion: '2' }));
  cache.remove(object('two', owner('a')));
  expect([names('a'), names('b')]).toEqual([[], ['one']]);
});

test('a namespace is listed without the others', () => {
  const cache = new Cache<KubeObject>();
  cache.put(object('one'));
  cache.put(object('one', { namespace: 'other', uid: 'uid-other' }));
  expect([...cache.list('other')].map(({ metadata }) => metadata.uid)).toEqual(['uid-other']);
  expect([...cache.list()].length).toBe(2);
  expect([...cache.list('none')]).toEqual([]);
});
