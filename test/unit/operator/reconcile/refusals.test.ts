/** What the API server refuses ends in a condition, and what ran goes on. */
import { beforeEach, describe, expect, it } from 'vitest';
import { KubeError } from '../../../../operator/kube/api.ts';
import { TerminalError } from '../../../../operator/reconcile/failures.ts';
import { World } from './world.ts';

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
