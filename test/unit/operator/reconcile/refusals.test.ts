/** What the API server refuses ends in a condition, and what ran goes on. */
import { beforeEach, describe, expect, it } from 'vitest';
import { abortReason } from '../../../../base/clock.ts';
import { KubeError } from '../../../../operator/kube/api.ts';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import { TerminalError } from '../../../../operator/reconcile/failures.ts';
import { NAMESPACE, World } from './world.ts';

let world: World;
beforeEach(() => {
  world = new World();
  world.secret();
});

describe('a refusal of the API server', () => {
  const refuse = (kind: string, sort: KubeError['sort'], message = 'refused') => {
    world.kube.intercept = ({ method, path }) => {
      if (method === 'PATCH' && path.includes(`/${kind}/`)) throw new KubeError(message, { sort, status: 422 });
    };
  };

  it('of the pod template leaves what runs, says so, and is not repeated', async () => {
    await world.running();
    const spec = JSON.stringify(world.deployment!.spec);
    world.edit({ logLevel: 'Debug' });
    refuse('deployments', 'invalid', 'spec.template: wrong');
    world.operator.look();
    await expect(world.operator.pass()).rejects.toBeInstanceOf(TerminalError);
    expect(JSON.stringify(world.deployment!.spec)).toBe(spec);
    expect(world.condition('Ready')!.reason).toBe('InvalidPodTemplate');
    expect(world.condition('Ready')!.message).toContain('spec.template: wrong');
  });

  it('of the configuration keeps the Deployment from being changed', async () => {
    await world.running();
    const before = world.kube.writes.length;
    world.edit({ logLevel: 'Debug' });
    refuse('configmaps', 'quota');
    world.operator.look();
    await expect(world.operator.pass()).rejects.toBeInstanceOf(TerminalError);
    expect(world.writesSince(before).filter((call) => call.includes('/deployments/'))).toEqual([]);
    expect(world.condition('Ready')!.reason).toBe('QuotaExceeded');
  });

  it.each([
    ['forbidden', 'User "x" cannot patch resource "deployments"', 'RBACDenied'],
    ['forbidden', 'admission webhook "policy" denied the request', 'PodsForbidden'],
    ['too-large', 'request is too large', 'ConfigTooLarge'],
    ['quota', 'exceeded quota', 'QuotaExceeded'],
  ] as const)('of sort %s with "%s" is told as %s', async (sort, message, reason) => {
    world.create();
    refuse('deployments', sort, message);
    world.operator.look();
    await expect(world.operator.pass()).rejects.toMatchObject({ name: 'TerminalError', reason });
    expect(world.condition('Ready')!.reason).toBe(reason);
  });

  it('that may pass is left to be tried again', async () => {
    world.create();
    refuse('deployments', 'transport');
    world.operator.look();
    await expect(world.operator.pass()).rejects.toMatchObject({ sort: 'transport' });
  });

  it('of a field of the status, by a CRD that is older, is told in the conditions', async () => {
    await world.running();
    world.kube.intercept = ({ path, body }) => {
      if (path.endsWith('/status') && !JSON.stringify(body).includes('"CRDOutdated"'))
        throw new KubeError('field not declared in schema', { sort: 'undeclared', status: 500 });
    };
    world.edit({ paused: true });
    world.operator.look();
    await expect(world.operator.pass()).rejects.toMatchObject({ reason: 'CRDOutdated' });
    expect(world.condition('Ready')!.reason).toBe('CRDOutdated');
  });
});

describe('a failure that may pass', () => {
  const failing = (what: RegExp, sort: KubeError['sort'] = 'transport') => {
    world.kube.intercept = ({ method, path }) => {
      if (method !== 'GET' && what.test(path))
        throw new KubeError('failed calling webhook "policy": connection refused', { sort, status: 500 });
    };
  };
  async function fail(minutes: number): Promise<void> {
    for (let i = 0; i < minutes; i++) {
      world.operator.look();
      await expect(world.operator.pass()).rejects.toBeInstanceOf(KubeError);
      await world.clock.advance(60_000);
    }
  }

  it('is told when it has lasted for minutes, once, and what ran goes on', async () => {
    await world.running();
    const spec = JSON.stringify(world.deployment!.spec);
    world.edit({ logLevel: 'Debug' });
    failing(/\/deployments\//);
    await fail(2);
    expect(world.condition('Ready')).toMatchObject({ status: 'True', reason: 'Running' });
    expect(world.stream.status!.observedGeneration).toBe(1);
    await fail(3);
    expect(JSON.stringify(world.deployment!.spec)).toBe(spec);
    expect(world.condition('Stalled')).toMatchObject({ status: 'True', reason: 'ApiCallFailing' });
    expect(world.condition('Ready')).toMatchObject({ status: 'True', observedGeneration: 1 });
    expect(world.condition('Ready')!.message).toContain('failed calling webhook "policy"');
    expect(world.told.filter(({ reason }) => reason === 'ApiCallFailing')).toHaveLength(1);
    world.kube.intercept = () => undefined;
    await world.settle();
    world.run();
    await world.settle();
    expect(world.condition('Ready')).toMatchObject({ status: 'True', reason: 'Running', observedGeneration: 2 });
  });

  it('of the API server itself is nobody’s fault that is told as soon as it is back', async () => {
    await world.running();
    world.edit({ logLevel: 'Debug' });
    failing(/./);
    await fail(10);
    failing(/\/deployments\//);
    await fail(1);
    expect(world.condition('Stalled')).toMatchObject({ status: 'False' });
  });

  it('says nothing of what was not looked at', async () => {
    await world.running();
    world.kube.remove(KINDS.secret, NAMESPACE, 'splunk');
    await world.settle();
    expect(world.condition('ReferencesResolved')).toMatchObject({ status: 'False' });
    world.secret('splunk', { token: 'bmV3' });
    world.kube.intercept = ({ path }) => {
      if (path.includes('/secrets/')) throw new KubeError('no room', { sort: 'transport', status: 503 });
    };
    await fail(4);
    expect(world.condition('Stalled')).toMatchObject({ status: 'True', reason: 'ApiCallFailing' });
    expect(world.condition('ReferencesResolved')).toMatchObject({ status: 'False' });
  });

  it('of the operator itself is told with the beginning of what it is, and what ran goes on', async () => {
    await world.running();
    const spec = JSON.stringify(world.deployment!.spec);
    world.edit({ logLevel: 'Debug' });
    world.kube.intercept = ({ path }) => {
      if (path.includes('/configmaps/')) throw new TypeError(`nobody\nthought of ${'x'.repeat(500)}`);
    };
    const fail = async () => {
      world.operator.look();
      await expect(world.operator.pass()).rejects.toBeInstanceOf(TypeError);
    };
    await fail();
    expect(world.condition('Stalled')).toMatchObject({ status: 'False' });
    await world.clock.advance(300_000);
    await fail();
    expect(world.condition('Stalled')).toMatchObject({ status: 'True', reason: 'OperatorFault' });
    const { status, message } = world.condition('Ready')!;
    expect(status).toBe('True');
    expect(message).toMatch(/: TypeError: nobody thought of x{171}\. Report it/);
    expect(JSON.stringify(world.deployment!.spec)).toBe(spec);
    expect(world.told.filter(({ reason }) => reason === 'OperatorFault')).toHaveLength(1);
    world.kube.intercept = () => undefined;
    await world.settle();
    world.run();
    await world.settle();
    expect(world.condition('Stalled')).toMatchObject({ status: 'False' });
  });

  it('of an operator that is being ended is told to nobody', async () => {
    await world.running();
    world.edit({ logLevel: 'Debug' });
    const status = JSON.stringify(world.stream.status);
    world.kube.intercept = ({ path }) => {
      if (path.includes('/configmaps/')) throw abortReason(AbortSignal.abort());
    };
    for (let i = 0; i < 3; i++) {
      world.operator.look();
      await expect(world.operator.pass()).rejects.toMatchObject({ name: 'AbortError' });
      await world.clock.advance(300_000);
    }
    expect(JSON.stringify(world.stream.status)).toBe(status);
  });

  it('while the LogStream ends is told, too', async () => {
    await world.running({ deletionPolicy: 'Delete' });
    const { metadata } = world.stream;
    world.kube.put(KINDS.logStream, { metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
    failing(/\/deployments\//);
    await fail(4);
    expect(world.condition('Stalled')).toMatchObject({ status: 'True', reason: 'ApiCallFailing' });
  });
});

describe('a right that is missing', () => {
  it('is told wherever it is missed', async () => {
    await world.running();
    world.edit({ serviceAccount: { create: true, name: 'other' } });
    world.kube.intercept = ({ method }) => {
      if (method === 'DELETE')
        throw new KubeError('User "x" cannot delete resource "serviceaccounts"', { sort: 'forbidden', status: 403 });
    };
    world.operator.look();
    await world.operator.pass();
    world.run();
    world.operator.look();
    await expect(world.operator.pass()).rejects.toMatchObject({ sort: 'forbidden' });
    expect(world.condition('Stalled')).toMatchObject({ status: 'True', reason: 'RBACDenied' });
  });
});

describe('a refusal of a child', () => {
  it('does not keep a pause from being obeyed', async () => {
    await world.running();
    world.edit({ paused: true, logLevel: 'Debug' });
    world.kube.intercept = ({ path }) => {
      if (path.includes('/configmaps/')) throw new KubeError('exceeded quota', { sort: 'quota', status: 403 });
    };
    world.operator.look();
    await expect(world.operator.pass()).rejects.toMatchObject({ reason: 'QuotaExceeded' });
    expect(world.deployment!.spec.replicas).toBe(0);
  });
});

describe('a child that is about to go', () => {
  it('is not what the newest spec asks for: kubectl wait goes on waiting', async () => {
    await world.running();
    const { metadata } = world.child(KINDS.configMap)!;
    const going = { finalizers: ['foregroundDeletion'], deletionTimestamp: '2026-01-01T00:00:00Z' };
    world.kube.put(KINDS.configMap, { metadata: { ...metadata, ...going } });
    world.edit({ logLevel: 'Debug' });
    await world.settle();
    expect(world.stream.status!.observedGeneration).toBe(2);
    expect(world.condition('Reconciling')).toMatchObject({ status: 'True', reason: 'Progressing' });
    expect(world.condition('Ready')).toMatchObject({ status: 'True', observedGeneration: 1 });
  });
});
