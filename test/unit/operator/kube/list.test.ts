/** Addresses of objects. */
import { expect, test } from 'vitest';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import { pathOf } from '../../../../operator/kube/list.ts';

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
