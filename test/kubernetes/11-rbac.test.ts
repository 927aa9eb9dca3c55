/** Suite 11: the shipped role is enough, and no more; what becomes of a right that is taken away and given back. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { watchedRules } from '../../operator/deploy/rights.ts';
import { until } from '../flow/cli-process.ts';
import { numbered } from '../flow/run-scene.ts';
import { Scene } from './scene.ts';

const ACCOUNT = 'system:serviceaccount:kinlog-system:kinlog-operator';
const DECISION = 'authorization.k8s.io/decision';

interface Asked {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly stage: string;
  readonly objectRef?: { readonly resource: string; readonly subresource?: string; readonly apiGroup?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

interface LogStream {
  readonly status: { readonly conditions: readonly { readonly reason: string; readonly observedGeneration: number }[] };
}

let scene: Scene;
beforeAll(async () => {
  scene = await Scene.start();
});
afterAll(() => scene.stop());

const asked = (): Asked[] =>
  readFileSync(scene.plane.auditLog, 'utf8')
    .split('\n')
    // The last line may be half written.
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Asked);

const named = ({ verb, objectRef }: Asked): string =>
  `${verb} ${[objectRef?.resource, objectRef?.subresource].filter(Boolean).join('/')}`;

const allowed = (username: string, decision: 'allow' | 'forbid'): string[] => {
  const lines = asked().filter((line) => line.user.username === username && line.annotations?.[DECISION] === decision);
  return [...new Set(lines.map(named))].sort();
};

/** An apply of what is not there asks for it beside patch, and the audit log does not tell so. */
const isCreation = (right: string) =>
  right.startsWith('create ') && right !== 'create events' && right !== 'create pods';

/** Granted, and not asked for by what this suite does. */
const SPARE: Readonly<Record<string, string>> = {
  'update logstreams/finalizers': 'asked for by an admission plugin of some clusters',
  'get logstreams': 'when a write was refused for an old version',
  'get pods': 'with list and watch everyone grants it',
  'get serviceaccounts': 'when the cache may be behind what was just made',
  'get configmaps': 'as above, and keys of authorities',
  'get persistentvolumeclaims': 'as above',
  'get deployments': 'as above',
  'get jobs': 'as above',
  'get poddisruptionbudgets': 'as above',
  'get podmonitors': 'as above, where the cluster knows the kind',
  'list podmonitors': 'where the cluster knows the kind',
  'watch podmonitors': 'where the cluster knows the kind',
  'patch podmonitors': 'where the cluster knows the kind',
  'delete podmonitors': 'where the cluster knows the kind',
  'patch events': 'when the same happens again',
};

describe('11 rights', () => {
  it('a whole life of LogStreams is within the shipped role, and takes every right of it', async () => {
    const namespace = await scene.namespace('life');
    const stream = await scene.newStream();
    const texts = numbered('life', 50);
    await scene.put(stream, texts);
    await scene.apply(scene.logStream(namespace, stream, { podDisruptionBudget: { maxUnavailable: 1 } }));
    await scene.waitFor('condition=Ready', 'logstream/logs', namespace);
    await scene.arrived(texts, 'life ');
    await scene.apply(scene.logStream(namespace, stream, { logLevel: 'Debug', deletionPolicy: 'Delete' }));
    await scene.waitFor('delete', 'poddisruptionbudget/logs-reader', namespace);
    const resetRequest = { id: 'one', position: { type: 'TrimHorizon' } };
    await scene.apply(scene.logStream(namespace, stream, { paused: true, deletionPolicy: 'Delete', resetRequest }));
    await scene.waitFor('jsonpath={.status.resetAcknowledged}=one', 'logstream/logs', namespace);
    const checkpoint = { type: 'LevelDB', intervalSeconds: 1, levelDB: { size: '1Gi' } };
    const volume = { ...scene.logStream(namespace, stream, { checkpoint }) };
    await scene.apply({ ...volume, metadata: { name: 'volume', namespace } });
    await scene.waitFor('condition=Ready', 'logstream/volume', namespace);
    await scene.plane.kubectlAside([
      '-n',
      namespace,
      'delete',
      'logstream',
      'logs',
      'volume',
      '--wait=true',
      '--timeout=60s',
    ]);

    expect(allowed(ACCOUNT, 'forbid')).toEqual([]);
    const used = allowed(ACCOUNT, 'allow');
    const granted = watchedRules().flatMap(({ resources, verbs }) =>
      (verbs as string[]).map((verb) => `${verb} ${(resources as string[])[0]!}`),
    );
    expect(
      granted.filter((right) => !used.includes(right) && !isCreation(right) && SPARE[right] === undefined),
    ).toEqual([]);
  });

  it('readers ask the API server for nothing, and have no token to ask with', async () => {
    const namespace = await scene.namespace('mute');
    const stream = await scene.newStream();
    await scene.apply(scene.logStream(namespace, stream));
    await scene.waitFor('condition=Ready', 'logstream/logs', namespace);
    expect(asked().filter(({ user }) => user.username.startsWith(`system:serviceaccount:${namespace}:`))).toEqual([]);
    const pods = await scene.plane.kubectlAside(['-n', namespace, 'get', 'pods', '-o', 'json']);
    expect(pods).not.toContain('serviceAccountToken');
    expect(pods).not.toContain('/var/run/secrets/kubernetes.io');
  });

  it('a right that is missing is named on the LogStream while the reader reads on; given back, the change is carried out', async () => {
    const namespace = await scene.namespace('revoked');
    const stream = await scene.newStream();
    await scene.apply(scene.logStream(namespace, stream));
    await scene.waitFor('condition=Ready', 'logstream/logs', namespace);
    const role = await scene.plane.kubectlAside(['get', 'clusterrole', 'kinlog-operator', '-o', 'json']);
    const whole = JSON.parse(role) as { metadata: object; rules: { resources: string[]; verbs: string[] }[] };
    const rules = whole.rules.map((rule) =>
      rule.resources.includes('deployments') ? { ...rule, verbs: ['get', 'list', 'watch'] } : rule,
    );
    const replaceRules = (value: object[]) =>
      scene.plane.kubectlAside([
        'patch',
        'clusterrole',
        'kinlog-operator',
        '--type=json',
        '-p',
        JSON.stringify([{ op: 'replace', path: '/rules', value }]),
      ]);
    await replaceRules(rules);
    await scene.apply(scene.logStream(namespace, stream, { logLevel: 'Debug' }));
    await until(
      async () =>
        (await scene.plane.kubectlAside(['-n', namespace, 'get', 'logstream', 'logs', '-o', 'json'])).includes(
          'RBACDenied',
        ),
      'the reason',
    );
    const texts = numbered('revoked', 20);
    await scene.put(stream, texts);
    expect(await scene.arrived(texts, 'revoked ')).toBe(0);

    await replaceRules(whole.rules);
    await scene.plane.kubectlAside(['-n', namespace, 'annotate', 'logstream', 'logs', 'example.com/look=again']);
    await until(async () => {
      const { conditions } = (await scene.get<LogStream>('logstream', namespace, 'logs')).status;
      return conditions.every(({ reason, observedGeneration }) => reason !== 'RBACDenied' && observedGeneration === 2);
    }, 'the change carried out');
    expect(
      await scene.plane.kubectlAside(['-n', namespace, 'get', 'configmap', 'logs-reader', '-o', 'yaml']),
    ).toContain('debug');
  });
});
