/** Refusals in the words of a real API server (Kubernetes 1.36.4), and what each means. */
import { expect, test } from 'vitest';
import { refusal, watchFailure } from '../../../../operator/kube/failures.ts';

const CALL = { method: 'PATCH', path: '/api/v1/namespaces/logs/configmaps/one' } as const;

const status = (code: number, reason: string, message: string, details?: object): string =>
  JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message, details });

test.each([
  [
    'invalid',
    403,
    status(403, 'Forbidden', 'admission webhook "validation.gatekeeper.sh" denied the request: [label] missing'),
  ],
  [
    'invalid',
    403,
    status(
      403,
      'Forbidden',
      "deployments.apps \"d\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
    ),
  ],
  ['unauthorized', 401, status(401, 'Unauthorized', 'Unauthorized')],
  [
    'forbidden',
    403,
    status(403, 'Forbidden', 'secrets is forbidden: User "system:serviceaccount:default:sa" cannot list resource'),
  ],
  // Seen in the first second of a server.
  [
    'transport',
    403,
    status(
      403,
      'Forbidden',
      'configmaps "b" is forbidden: User "system:serviceaccount:n:o" cannot get resource "configmaps" in API group "" in the namespace "default": RBAC: [clusterrole.rbac.authorization.k8s.io "kinlog-operator" not found, clusterrole.rbac.authorization.k8s.io "system:discovery" not found]',
    ),
  ],
  [
    'quota',
    403,
    status(
      403,
      'Forbidden',
      'configmaps "b" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=1',
    ),
  ],
  [
    'quota',
    403,
    status(
      403,
      'Forbidden',
      'persistentvolumeclaims "p" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi',
    ),
  ],
  [
    'quota',
    403,
    status(
      403,
      'Forbidden',
      'pods "p" is forbidden: memory max limit to request ratio per Container is 2, but provided ratio is 5.000000',
    ),
  ],
  [
    'terminating',
    403,
    status(
      403,
      'Forbidden',
      'configmaps "n" is forbidden: unable to create new content in namespace lr because it is being terminated',
      {
        name: 'n',
        kind: 'configmaps',
        causes: [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }],
      },
    ),
  ],
  ['terminating', 404, status(404, 'NotFound', 'namespaces "x" not found', { name: 'x', kind: 'namespaces' })],
  ['missing', 404, status(404, 'NotFound', 'configmaps "no" not found', { name: 'no', kind: 'configmaps' })],
  ['transport', 404, '404 page not found\n'],
  ['transport', 404, status(404, 'NotFound', 'the server could not find the requested resource', {})],
  ['conflict', 409, status(409, 'Conflict', 'Apply failed with 1 conflict: conflict with "kubectl" using v1: .data.a')],
  ['exists', 409, status(409, 'AlreadyExists', 'configmaps "one" already exists')],
  ['expired', 410, status(410, 'Expired', 'too old resource version: 5 (1294)')],
  ['too-large', 413, status(413, 'RequestEntityTooLarge', 'Request entity too large: limit is 3145728')],
  [
    'too-large',
    422,
    status(422, 'Invalid', 'ConfigMap "huge" is invalid: []: Too long: may not be more than 1048576 bytes'),
  ],
  ['too-large', 500, status(500, '', 'etcdserver: request is too large')],
  ['invalid', 400, status(400, 'BadRequest', 'the object provided is unrecognized')],
  ['invalid', 415, status(415, 'UnsupportedMediaType', 'the body of the request was in an unknown format')],
  ['invalid', 422, status(422, 'Invalid', 'Deployment.apps "d" is invalid: spec.selector: field is immutable')],
  [
    'invalid',
    500,
    status(
      500,
      '',
      'failed to create typed patch object (default/d; apps/v1, Kind=Deployment): .spec.template.spec.containers[name="x"].env: expected list, got &{text}',
    ),
  ],
  [
    'undeclared',
    500,
    status(
      500,
      '',
      'failed to create typed patch object (default/d; apps/v1, Kind=Deployment): .spec.template.spec.nonsense: field not declared in schema',
    ),
  ],
  ['transport', 429, status(429, 'TooManyRequests', 'storage is (re)initializing')],
  ['transport', 500, '<html>a proxy</html>'],
  ['transport', 503, 'service unavailable'],
  ['transport', 504, status(504, 'Timeout', 'Too large resource version: 99999999, current: 264')],
  ['transport', 302, ''],
] as const)('%s for %i: %s', (sort, code, text) => {
  expect(refusal(CALL, { status: code, text })).toMatchObject({ name: 'KubeError', sort, status: code });
});

test('the message names call, status and reason, on one line of bounded length', () => {
  const error = refusal(CALL, { status: 422, text: status(422, 'Invalid', `wrong:\n${'x'.repeat(5_000)}`) });
  expect(error.message).toMatch(
    /^PATCH \/api\/v1\/namespaces\/logs\/configmaps\/one answered 422 Invalid: wrong: x+…$/,
  );
  expect(error.message.length).toBeLessThan(600);
  expect(error.reason).toBe('Invalid');
});

test('nothing is quoted of a page that is not the server\u2019s, nor when a Secret was written', () => {
  const page = refusal(CALL, { status: 502, text: '<html>token=hidden</html>' });
  const path = '/api/v1/namespaces/logs/secrets/one';
  const text = status(422, 'Invalid', 'data[x]: Invalid value: "hidden"');
  const secret = refusal({ method: 'PUT', path }, { status: 422, text });
  expect(page.message + secret.message).not.toContain('hidden');
  expect(secret.message).toContain('422 Invalid');
});

test('how long the server wants to be left alone is taken from its header, else from its words', () => {
  const text = status(429, 'TooManyRequests', 'storage is (re)initializing', { retryAfterSeconds: 3 });
  expect(refusal(CALL, { status: 429, text, retryAfter: '7' }).retryAfterMs).toBe(7_000);
  expect(refusal(CALL, { status: 429, text }).retryAfterMs).toBe(3_000);
  expect(refusal(CALL, { status: 429, text, retryAfter: '9999999999' }).retryAfterMs).toBe(300_000);
  expect(refusal(CALL, { status: 429, text: '', retryAfter: 'soon' }).retryAfterMs).toBeUndefined();
});

test('an ERROR event of a watch means what the same answer would mean', () => {
  const object: unknown = JSON.parse(status(410, 'Expired', 'too old resource version'));
  expect(watchFailure(CALL, object)).toMatchObject({ sort: 'expired', reason: 'Expired' });
  expect(watchFailure(CALL, null)).toMatchObject({ sort: 'transport' });
  expect(watchFailure(CALL, { kind: 'Status', code: 500 })).toMatchObject({ sort: 'transport' });
});
