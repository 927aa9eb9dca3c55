/** What the API server would not take, or a namespace not let in, is found out before anything is changed for it that the reader that runs reads. */
import { beforeEach, describe, expect, it } from 'vitest';
import { KubeError, type ApiCall } from '../../../../operator/kube/api.ts';
import { refusal } from '../../../../operator/kube/failures.ts';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import { pathOf } from '../../../../operator/kube/list.ts';
import type { KubeObject } from '../../../../operator/kube/object.ts';
import { NAMESPACE, World } from './world.ts';

let world: World;
beforeEach(() => {
  world = new World();
  world.secret();
});

const PODS = pathOf(KINDS.pod, NAMESPACE);
const DEPLOYMENT = pathOf(KINDS.deployment, NAMESPACE, 'orders-reader');
const isDryRun = ({ query }: ApiCall) => query?.['dryRun'] === 'All';
/** `POST pods` and the like. */
const dryRuns = (): string[] => world.kube.calls.filter(isDryRun).map(({ method, path }) => `${method} ${path}`);

/** As the API server says it; `where`: of the kind that is refused. */
function refuse(code: number, message: string, where = PODS): void {
  const reason = { 400: 'BadRequest', 403: 'Forbidden' }[code] ?? 'Invalid';
  const text = JSON.stringify({ kind: 'Status', code, reason, message });
  world.kube.intercept = (call) => {
    if (call.method !== 'GET' && call.path === where) throw refusal(call, { status: code, text });
  };
}

/** All that the pod is made of, or reads once its container is started again. */
const read = (): string =>
  JSON.stringify([KINDS.configMap, KINDS.volumeClaim, KINDS.deployment].map((kind) => world.kube.all(kind)));

const configOf = ({ kube }: World): string => JSON.stringify(kube.get(KINDS.configMap, NAMESPACE, 'orders-reader'));

const look = () => {
  world.operator.look();
  return world.operator.pass();
};

describe('a changed pod', () => {
  it.each([
    [403, 'pods "a" is forbidden: violates PodSecurity "restricted:latest": hostNetwork', 'PodsForbidden'],
    [403, 'admission webhook "policy.example" denied the request: no', 'PodsForbidden'],
    [422, 'pods "a" is forbidden: ValidatingAdmissionPolicy \'p\' denied request: no', 'PodsForbidden'],
    [422, 'Pod "a" is invalid: spec.dnsPolicy: Unsupported value', 'InvalidPodTemplate'],
    [403, 'pods "a" is forbidden: maximum memory usage per Container is 200Mi, but limit is 256Mi', 'QuotaExceeded'],
    [403, 'pods "a" is forbidden: failed quota: small: must specify limits.cpu for: reader', 'QuotaExceeded'],
    [403, 'pods is forbidden: User "x" cannot create resource "pods" in API group ""', 'RBACDenied'],
  ])('that is refused with %i "%s" is told as %s, and nothing is ended', async (code, message, reason) => {
    await world.running();
    const before = read();
    world.edit({ logLevel: 'Debug', deadLetters: { volume: {} } });
    refuse(code, message);
    await expect(look()).rejects.toMatchObject({ name: 'TerminalError', reason });
    expect(read()).toBe(before);
    expect(world.condition('Ready')).toMatchObject({ status: 'True', reason });
    expect(world.condition('Ready')!.message).toContain(message);
    world.kube.intercept = () => undefined;
    await look();
    expect(read()).not.toBe(before);
    expect(configOf(world)).toContain('debug');
  });

  it('whose Deployment is refused is told with the name of that, and nothing is changed', async () => {
    await world.running();
    const before = read();
    world.edit({ logLevel: 'Debug' });
    refuse(422, "ValidatingAdmissionPolicy 'p' denied request: no", DEPLOYMENT);
    await expect(look()).rejects.toMatchObject({ name: 'TerminalError', reason: 'InvalidPodTemplate' });
    expect(read()).toBe(before);
    expect(world.condition('Ready')!.message).toMatch(/^Deployment orders-reader: .*denied request: no/);
    expect(dryRuns()).toEqual([`PATCH ${DEPLOYMENT}`]);
    world.kube.intercept = () => undefined;
    await look();
    expect(configOf(world)).toContain('debug');
  });

  it('whose volume is refused is told, too, and keeps its configuration', async () => {
    await world.running();
    const before = read();
    world.edit({ logLevel: 'Debug', deadLetters: { volume: {} } });
    const claim = pathOf(KINDS.volumeClaim, NAMESPACE, 'orders-reader-dead-letters');
    refuse(403, 'persistentvolumeclaims "a" is forbidden: exceeded quota: small', claim);
    await expect(look()).rejects.toMatchObject({ reason: 'QuotaExceeded' });
    expect(read()).toBe(before);
  });

  it('is told for as long as it is refused, however often that is asked: nothing was repaired', async () => {
    await world.running();
    world.edit({ logLevel: 'Debug' });
    refuse(403, 'admission webhook "policy.example" denied the request: no');
    for (let i = 0; i < 10; i++) await expect(look()).rejects.toMatchObject({ reason: 'PodsForbidden' });
    expect(world.condition('Ready')).toMatchObject({ reason: 'PodsForbidden' });
    expect(world.told.map(({ reason }) => reason)).not.toContain('FieldsContested');
  });

  it('that nobody can answer for is tried again', async () => {
    await world.running();
    const before = read();
    world.edit({ logLevel: 'Debug' });
    refuse(500, 'failed calling webhook "policy": connection refused');
    await expect(look()).rejects.toBeInstanceOf(KubeError);
    expect(read()).toBe(before);
  });

  it('that webhooks can not be asked about, of Deployments and of pods, is carried out', async () => {
    await world.running();
    world.edit({ logLevel: 'Debug' });
    const text = JSON.stringify({ kind: 'Status', message: 'admission webhook "a" does not support dry run' });
    world.kube.intercept = (call) => {
      if (isDryRun(call)) throw refusal(call, { status: 400, text });
    };
    await look();
    expect(dryRuns()).toHaveLength(2);
    expect(world.deployment!.metadata.generation).toBe(2);
  });

  it('is tried as it would be made, once, and not stored', async () => {
    await world.running();
    expect(dryRuns()).toEqual([]);
    world.edit({ logLevel: 'Debug' });
    await look();
    expect(dryRuns()).toEqual([`PATCH ${DEPLOYMENT}`, `POST ${PODS}`]);
    const [first, call] = world.kube.calls.filter(isDryRun);
    const sent = world.kube.writes.findLast(({ path }) => path === DEPLOYMENT)!;
    expect(first).toEqual({ ...sent, query: { ...sent.query, dryRun: 'All' } });
    expect(call!.query).toMatchObject({ fieldValidation: 'Strict' });
    const { template } = world.deployment!.spec;
    const { spec, metadata } = call!.body as KubeObject & { spec: object };
    expect(spec).toEqual(template.spec);
    expect(metadata.labels).toEqual(template.metadata.labels);
    expect(metadata.ownerReferences).toMatchObject([{ uid: world.deployment!.metadata.uid, controller: true }]);
    expect(world.kube.all(KINDS.pod)).toHaveLength(1);
    world.run();
    await world.settle();
    world.restart();
    await world.settle();
    expect(dryRuns()).toHaveLength(2);
  });

  it('is tried with what somebody else has put into the Deployment', async () => {
    await world.running();
    const { deployment } = world;
    const { template } = deployment!.spec;
    const schedulerName = 'theirs';
    const spec = { ...deployment!.spec, template: { ...template, spec: { ...template.spec, schedulerName } } };
    world.kube.put(KINDS.deployment, { ...deployment!, spec });
    world.edit({ logLevel: 'Debug' });
    await look();
    const call = world.kube.calls.findLast(isDryRun);
    expect(call).toMatchObject({ method: 'POST', body: { spec: { schedulerName } } });
  });

  it('that somebody else made of the Deployment is tried as ours again before it goes', async () => {
    await world.running();
    const { deployment } = world;
    const spec = structuredClone(deployment!.spec) as { template: { spec: { containers: { image: string }[] } } };
    spec.template.spec.containers[0]!.image = 'other';
    world.kube.put(KINDS.deployment, { ...deployment!, spec });
    refuse(403, 'admission webhook "policy.example" denied the request: no');
    await expect(look()).rejects.toMatchObject({ reason: 'PodsForbidden' });
    expect(world.deployment!.spec).toEqual(spec);
  });
});

describe('nothing is tried', () => {
  it('of a Deployment that is not the operator’s any more, and its pod keeps its configuration', async () => {
    await world.running();
    const { metadata, ...rest } = world.deployment!;
    const annotations = { ...metadata.annotations };
    delete annotations['kinlog.io/applied-hash'];
    world.kube.put(KINDS.deployment, { ...rest, metadata: { ...metadata, annotations, ownerReferences: [] } });
    const before = read();
    world.edit({ logLevel: 'Debug' });
    await look();
    expect(world.condition('Ready')).toMatchObject({ reason: 'NameConflict' });
    expect(dryRuns()).toEqual([]);
    expect(read()).toBe(before);
  });

  const refuseAll = () => refuse(403, 'pods "a" is forbidden: violates PodSecurity "restricted:latest": all');

  it.each([
    ['of another number of readers', { replicas: 2 }],
    ['of a pause', { paused: true, logLevel: 'Debug' }],
  ] as const)('because %s', async (_, change) => {
    await world.running();
    world.edit(change);
    refuseAll();
    await look();
    expect(dryRuns()).toEqual([]);
  });

  it('when no reader runs that could be ended', async () => {
    await world.running({ paused: true }).catch(() => undefined);
    world.edit({ paused: false });
    refuseAll();
    await world.settle();
    world.edit({ logLevel: 'Debug' });
    await look();
    expect(dryRuns()).toEqual([]);
    expect(world.deployment!.spec.replicas).toBe(1);
  });
});

describe('a quota that is full', () => {
  const quota = (requested: string, used: string, limited: string) =>
    refuse(
      403,
      `pods "a" is forbidden: exceeded quota: small, requested: ${requested}, used: ${used}, limited: ${limited}`,
    );
  const change = async () => {
    await world.running();
    world.edit({ logLevel: 'Debug' });
  };

  // The reader that runs asks for 128Mi.
  it.each([
    ['pods=1', 'pods=1', 'pods=1'],
    ['requests.memory=200Mi', 'requests.memory=128Mi', 'requests.memory=200Mi'],
    ['memory=200Mi,pods=1', 'memory=328Mi,pods=3', 'memory=400Mi,pods=3'],
  ])('only as long as the old pod counts holds nothing up: %s, %s of %s', async (...said) => {
    await change();
    quota(...said);
    await look();
    expect(world.deployment!.metadata.generation).toBe(2);
  });

  it.each([
    ['requests.memory=300Mi', 'requests.memory=128Mi', 'requests.memory=256Mi'],
    ['memory=200Mi,pods=1', 'memory=338Mi,pods=2', 'memory=400Mi,pods=3'],
    ['pods=1', 'pods=3', 'pods=2'],
    ['pods=1', 'pods=unknown', 'pods=2'],
  ])('without the old pod, too, is told: %s, %s of %s', async (...said) => {
    await change();
    quota(...said);
    await expect(look()).rejects.toMatchObject({ reason: 'QuotaExceeded' });
    expect(world.deployment!.metadata.generation).toBe(1);
  });
});
