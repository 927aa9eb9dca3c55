/** Addresses of objects, and listings of odd ones. */
import { expect, test } from 'vitest';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import { listPages, pathOf } from '../../../../operator/kube/list.ts';
import { KubeError, type ApiCall, type KubeApi } from '../../../../operator/kube/api.ts';

test.each([
  [pathOf(KINDS.secret, undefined), '/api/v1/secrets'],
  [pathOf(KINDS.secret, 'logs', 'token'), '/api/v1/namespaces/logs/secrets/token'],
  [
    pathOf(KINDS.logStream, 'logs', 'orders', 'status'),
    '/apis/kinlog.io/v1alpha1/namespaces/logs/logstreams/orders/status',
  ],
  [pathOf({ ...KINDS.secret, namespaced: false, plural: 'nodes' }, 'logs', 'a'), '/api/v1/nodes/a'],
  [pathOf(KINDS.secret, '../x', 'a/b?c'), '/api/v1/namespaces/..%2Fx/secrets/a%2Fb%3Fc'],
])('%s', (path, expected) => {
  expect(path).toBe(expected);
});

/** Lists so many objects of that size, and refuses answers of more than a mebibyte. */
function serving(count: number, bytes: number): KubeApi & { readonly limits: number[] } {
  const limits: number[] = [];
  const call = async ({ query }: ApiCall) => {
    const [from, limit] = [Number(query?.['continue'] ?? 0), Number(query?.['limit'])];
    limits.push(limit);
    const names = Array.from({ length: Math.min(limit, count - from) }, (_, i) => `object-${from + i}`);
    if (names.length * bytes > 1 << 20) throw new KubeError('', { sort: 'too-large', status: 0 });
    const next = from + names.length;
    return {
      metadata: { resourceVersion: '7', continue: next < count ? String(next) : '' },
      items: names.map((name) => ({ metadata: { name } })),
    };
  };
  return { call, limits, close: () => Promise.resolve() } as unknown as KubeApi & { readonly limits: number[] };
}

async function names(api: KubeApi): Promise<string[]> {
  const listed: string[] = [];
  for await (const { items } of listPages(api, KINDS.configMap, {}, new AbortController().signal))
    listed.push(...items.map(({ metadata }) => metadata.name));
  return listed;
}

test.each([100, 10_000, 500_000, 1 << 20])(
  'objects of %i bytes are listed once each, however few of them fit an answer',
  async (bytes) => {
    const listed = await names(serving(1100, bytes));
    expect(listed).toEqual(Array.from({ length: 1100 }, (_, i) => `object-${i}`));
  },
);

test('pages are not smaller than they have to be', async () => {
  const api = serving(1100, 1000);
  await names(api);
  expect(api.limits).toEqual([500, 500, 500]);
});

test('one object that no answer holds is told, and not asked for without end', async () => {
  const api = serving(3, 2 << 20);
  await expect(names(api)).rejects.toMatchObject({ sort: 'too-large' });
  expect(api.limits).toEqual([500, 63, 8, 1]);
});

test.each([{}, null, { kind: 'Status', metadata: {} }])('%j is no empty listing', async (answer) => {
  const api = { call: () => Promise.resolve(answer) } as unknown as KubeApi;
  await expect(names(api)).rejects.toMatchObject({ sort: 'transport' });
});
