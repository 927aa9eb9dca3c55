/** What a LogStream names is looked for without keeping a secret, and without asking twice. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Reference } from '../../../../operator/desired/desired.ts';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import { References, type Resolution } from '../../../../operator/reconcile/references.ts';
import { NAMESPACE, World } from './world.ts';

const TOKEN: Reference = {
  kind: 'Secret',
  name: 'splunk',
  keys: ['token'],
  field: 'spec.outputs[0].splunkHEC.tokenSecretRef',
};

let world: World;
let references: References;
beforeEach(() => {
  world = new World();
  references = referencesOf(world, true);
});

function referencesOf({ kube, clock, operator }: World, isSecretWatched: boolean): References {
  const { caches } = operator;
  const secret = isSecretWatched ? caches.references.secret : undefined;
  return new References({ api: kube, clock, caches: { ...caches, references: { ...caches.references, secret } } });
}

function resolve(...wanted: Reference[]): Promise<Resolution> {
  world.operator.look();
  return references.resolve(world.create(), wanted, new AbortController().signal);
}

const reasonsOf = ({ problems }: Resolution) => problems.map(({ reason }) => reason);
const reads = () => world.kube.calls.filter(({ method }) => method === 'GET').length;

describe('a reference', () => {
  it('to what is there has a stamp, and is read once for each version', async () => {
    world.secret();
    const first = await resolve(TOKEN);
    const second = await resolve(TOKEN);
    expect(first).toEqual(second);
    expect(first.problems).toEqual([]);
    expect(first.requeueAfterMs).toBeUndefined();
    expect(reads()).toBe(1);
    world.secret('splunk', { token: 'bmV3' });
    const third = await resolve(TOKEN);
    expect(third.resolved.stamps.get('Secret/splunk')).not.toBe(first.resolved.stamps.get('Secret/splunk'));
    expect(reads()).toBe(2);
  });

  it('to what is missing, has not the key, or holds nothing under it names field, object and key', async () => {
    expect(reasonsOf(await resolve(TOKEN))).toEqual(['SecretNotFound']);
    world.secret('splunk', { other: 'eA==' });
    const { problems, requeueAfterMs } = await resolve(TOKEN);
    expect(problems[0]!.message).toMatch(/spec\.outputs\[0].*Secret splunk has no key token/);
    expect(requeueAfterMs).toBe(30_000);
    world.secret('splunk', { token: '', other: 'eA==' });
    expect((await resolve(TOKEN)).problems[0]!.message).toContain('holds nothing under token');
  });

  it('to all that is missing is told at once, each with its own reason', async () => {
    const of = (kind: Reference['kind']): Reference => ({ kind, name: 'x', keys: [], field: 'spec' });
    const found = await resolve(of('Secret'), of('ConfigMap'), of('ServiceAccount'), of('PersistentVolumeClaim'));
    expect(reasonsOf(found)).toEqual([
      'SecretNotFound',
      'ConfigMapNotFound',
      'ServiceAccountNotFound',
      'VolumeClaimNotFound',
    ]);
  });

  it('to a service account has a stamp of what AWS reads in it, and of nothing else', async () => {
    const account = (annotations: Record<string, string>) =>
      world.kube.put(KINDS.serviceAccount, {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { namespace: NAMESPACE, name: 'reader', annotations },
      });
    const reference: Reference = {
      kind: 'ServiceAccount',
      name: 'reader',
      keys: [],
      field: 'spec.serviceAccount.name',
    };
    const stamp = async (annotations: Record<string, string>) => {
      account(annotations);
      return (await resolve(reference)).resolved.stamps.get('ServiceAccount/reader');
    };
    const role = { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/a' };
    const first = await stamp(role);
    expect(await stamp({ ...role, note: 'other' })).toBe(first);
    expect(await stamp({ 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/b' })).not.toBe(first);
  });

  it('to a Secret that is not watched is asked for every five minutes, one that is missing every half minute', async () => {
    references = referencesOf(world, false);
    expect((await resolve(TOKEN)).requeueAfterMs).toBe(30_000);
    world.secret();
    expect(reasonsOf(await resolve(TOKEN))).toEqual(['SecretNotFound']);
    await world.clock.advance(30_000);
    const found = await resolve(TOKEN);
    expect(found.problems).toEqual([]);
    expect(found.requeueAfterMs).toBe(300_000);
    const before = reads();
    await world.clock.advance(299_000);
    await resolve(TOKEN);
    expect(reads()).toBe(before);
    world.secret('splunk', { token: 'bmV3' });
    await world.clock.advance(1_000);
    const later = await resolve(TOKEN);
    expect(later.resolved.stamps.get('Secret/splunk')).not.toBe(found.resolved.stamps.get('Secret/splunk'));
  });

  it('keeps no value of a Secret', async () => {
    world.secret('splunk', { token: Buffer.from('hunter2').toString('base64') });
    const found = await resolve(TOKEN);
    expect(JSON.stringify([...found.resolved.stamps])).not.toContain(Buffer.from('hunter2').toString('base64'));
  });
});
