/** Whether a child is what was sent: what the server and others add does not count, what they change of ours does. */
import { describe, expect, it } from 'vitest';
import { claimsOf } from '../../../../operator/desired/claims.ts';
import { nanosOf } from '../../../../operator/desired/quantity.ts';
import type { KubeObject } from '../../../../operator/kube/object.ts';
import { digest, HASH_ANNOTATION, upToDate, withHash } from '../../../../operator/reconcile/drift.ts';
import { edited, type Way } from '../../../fakes/edit.ts';
import { logStream } from './scene.ts';

type Any = KubeObject & Record<string, unknown>;
const object = (fields: object, metadata: object = {}): Any => ({
  ...{ apiVersion: 'apps/v1', kind: 'Deployment' },
  metadata: { name: 'a', namespace: 'n', ...metadata },
  ...fields,
});
/** Sent, and then held by the server as `change` makes of what is at the end of the way. */
const after = (sent: Any, way: Way, change: (before: unknown) => unknown): boolean => {
  const desired = withHash(sent);
  return upToDate(desired, edited(desired, way, change));
};
const gone = () => undefined;
const also = (more: unknown) => (before: unknown) =>
  Array.isArray(before) ? [more, ...(before as unknown[])] : { ...(before as object), ...(more as object) };
const behind = (more: unknown) => (before: unknown) => [...(before as unknown[]), more];
const as = (value: unknown) => () => value;

describe('the hash', () => {
  it('does not depend on the order of members, and on what is absent', () => {
    expect(digest({ a: 1, b: { c: 2, d: undefined } })).toBe(digest({ b: { c: 2 }, a: 1 }));
    expect(digest({ a: [1, 2] })).not.toBe(digest({ a: [2, 1] }));
    expect(digest({ a: 1 })).toMatch(/^[0-9a-f]{16}$/);
  });

  it('is of everything but itself', () => {
    const hashed = withHash(object({ spec: { a: 1 } }, { annotations: { x: 'y' } }));
    expect(withHash(hashed)).toEqual(hashed);
    expect(hashed.metadata.annotations).toEqual({ x: 'y', [HASH_ANNOTATION]: expect.any(String) as string });
  });

  it('tells that something is sent no more', () => {
    const before = withHash(object({ spec: { a: 1, b: 2 } }));
    expect(upToDate(withHash(object({ spec: { a: 1 } })), before)).toBe(false);
  });
});

describe('a child that was applied', () => {
  const sent = object({
    spec: {
      replicas: 1,
      empty: {},
      template: {
        spec: {
          hostNetwork: false,
          automountServiceAccountToken: false,
          tolerations: [{ key: 'a', operator: 'Exists' }],
          containers: [
            {
              ...{
                name: 'reader',
                command: ['kinlog'],
                ports: [{ name: 'http', containerPort: 9464, protocol: 'TCP' }],
              },
              env: [
                { name: 'A', value: '' },
                { name: 'B', value: '0.5' },
              ],
              resources: { limits: { cpu: '0.5', memory: '1024Mi' }, requests: { cpu: 1 } },
            },
          ],
        },
      },
    },
  });
  const pod = ['spec', 'template', 'spec'];
  const reader = [...pod, 'containers', 0];
  const amounts = { limits: { cpu: '500m', memory: '1Gi' }, requests: { cpu: '1' } };

  it.each<[string, Way, (before: unknown) => unknown]>([
    ['the server fills in defaults', reader, also({ terminationMessagePath: '/dev/x' })],
    ['the server writes quantities in its own way', [...reader, 'resources'], as(amounts)],
    ['the server leaves out what is empty', ['spec', 'empty'], gone],
    ['the server leaves out an empty text', [...reader, 'env', 0, 'value'], gone],
    ['the server leaves out a false that is the same as nothing', [...pod, 'hostNetwork'], gone],
    ['somebody adds a container before ours', [...pod, 'containers'], also({ name: 'side' })],
    ['somebody adds a variable', [...reader, 'env'], also({ name: 'C', value: '1' })],
    ['somebody adds labels and annotations', ['metadata', 'labels'], also({ x: 'y' })],
    ['a list hands it out without its kind', ['kind'], gone],
  ])('is up to date when %s', (_, way, change) => expect(after(sent, way, change)).toBe(true));

  it.each<[string, Way, (before: unknown) => unknown]>([
    ['somebody scales it', ['spec', 'replicas'], as(3)],
    ['somebody changes the command', [...reader, 'command'], behind('x')],
    ['somebody changes a variable', [...reader, 'env', 1, 'value'], as('0.50')],
    ['somebody removes a variable', [...reader, 'env', 1], gone],
    ['somebody changes a limit', [...reader, 'resources', 'limits', 'memory'], as('1025Mi')],
    ['somebody adds a toleration', [...pod, 'tolerations'], behind({ key: 'b' })],
    ['somebody removes the ban on tokens', [...pod, 'automountServiceAccountToken'], gone],
    ['somebody renames the container', [...reader, 'name'], as('other')],
    ['somebody takes the hash', ['metadata', 'annotations', HASH_ANNOTATION], gone],
    ['somebody makes a text of a number', ['spec', 'replicas'], as('1')],
    ['somebody makes a list of a group', [...reader, 'resources', 'limits'], as([])],
  ])('is not when %s', (_, way, change) => expect(after(sent, way, change)).toBe(false));
});

it('a list as long as an object can hold, in whatever order, takes no longer than its items', () => {
  const env = Array.from({ length: 100_000 }, (_, n) => ({ name: `n${n}`, value: '1' }));
  const sent = object({ spec: { template: { spec: { containers: [{ name: 'reader', env }] } } } });
  expect(after(sent, ['spec', 'template', 'spec', 'containers', 0, 'env'], () => env.toReversed())).toBe(true);
  expect(after(sent, ['spec', 'template', 'spec', 'containers', 0, 'env'], () => env.slice(1))).toBe(false);
});

describe('a claim', () => {
  const claim = (size: string, deletionPolicy: 'Retain' | 'Delete' = 'Retain', storageClassName?: string) => {
    const levelDB = { size, ...(storageClassName !== undefined && { storageClassName }) };
    const checkpoint = { ...logStream().spec.checkpoint, type: 'LevelDB', levelDB } as const;
    return withHash(claimsOf(logStream({ checkpoint, deletionPolicy }))[0]!);
  };

  it('is never asked to be what it can not become: smaller, or of another class', () => {
    expect(upToDate(claim('1Gi'), claim('2Gi'))).toBe(true);
    expect(upToDate(claim('1024Mi'), claim('1Gi'))).toBe(true);
    expect(upToDate(claim('1Gi', 'Retain', 'fast'), claim('1Gi', 'Retain', 'slow'))).toBe(true);
  });

  it('grows, and changes its owner with the deletion policy', () => {
    expect(upToDate(claim('2Gi'), claim('1Gi'))).toBe(false);
    expect(upToDate(claim('1Gi', 'Delete'), claim('1Gi'))).toBe(false);
    expect(upToDate(claim('1Gi'), claim('1Gi', 'Delete'))).toBe(false);
    expect(upToDate(claim('1Gi', 'Delete'), claim('1Gi', 'Delete'))).toBe(true);
  });

  it('keeps the mark by which it is known when its LogStream has gone and comes again', () => {
    const unmarked = edited(claim('1Gi'), ['metadata', 'annotations', HASH_ANNOTATION], gone);
    expect(upToDate(claim('1Gi'), unmarked)).toBe(false);
  });
});

describe('a quantity', () => {
  it.each([
    ['0.5', '500m'],
    ['1', 1],
    ['1Gi', '1024Mi'],
    ['1e3', '1k'],
    ['1E3', '1000'],
    ['1E', '1000P'],
    ['.5', '500000u'],
    ['+1.50', '1500m'],
    ['-1', '-1000m'],
    ['0.1Ki', '102400m'],
    ['1n', '0.1n'],
  ])('%s is as much as %s', (one, other) => {
    expect(nanosOf(one)).toBeDefined();
    expect(nanosOf(one)).toBe(nanosOf(other));
  });

  it.each(['', '.', 'm', '1 Gi', '1gi', '1e', '0x1', 'NaN', true, null, '1e9999'])('%j is none', (text) =>
    expect(nanosOf(text)).toBeUndefined(),
  );
});
