/** Suite 5: others write to what the operator owns. Its fields come back, theirs stay, and nobody writes without end. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KINDS } from '../../operator/kube/kinds.ts';
import { pathOf } from '../../operator/kube/list.ts';
import type { KubeObject, ResourceKind } from '../../operator/kube/object.ts';
import { upToDate } from '../../operator/reconcile/drift.ts';
import { until } from '../flow/cli-process.ts';
import { CHILDREN, ReconcileScene } from './reconcile-scene.ts';

let scene: ReconcileScene;
beforeAll(async () => {
  scene = await ReconcileScene.start();
});
afterEach(() => scene.endOperators());
afterAll(() => scene.stop());

const NAME = 'orders-reader';

type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [member: string]: Json };

/** Paths to every plain value of it that the operator sent, and what to put there instead. */
function leaves(sent: Json, at: readonly string[] = []): { path: string; value: unknown }[] {
  if (sent === null || sent === undefined) return [];
  if (typeof sent === 'object')
    return Object.entries(sent).flatMap(([member, value]) => leaves(value, [...at, member]));
  const path = `/${at.map((step) => step.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`;
  if (typeof sent === 'number') return [{ path, value: sent + 1 }];
  return [{ path, value: typeof sent === 'boolean' ? !sent : `${sent}x` }];
}

/** Identity, or what can not be changed in an object that is there. */
const FIXED =
  /^\/(apiVersion|kind|metadata\/(name|namespace|ownerReferences|labels\/kinlog.io~1logstream)|spec\/selector|spec\/template\/metadata\/labels)/;

describe('5 conflicts', () => {
  it('every field that the operator sent comes back when somebody changes it, and what they added stays', async () => {
    const operator = await scene.operator();
    const namespace = await scene.namespace();
    await scene.create(namespace, { podDisruptionBudget: { maxUnavailable: 1 } });
    await scene.reached(namespace, 'Running');
    for (const kind of [KINDS.serviceAccount, KINDS.configMap, KINDS.deployment, KINDS.podDisruptionBudget])
      await repaired(
        kind,
        namespace,
        operator.writes.findLast(({ path }) => path === pathOf(kind, namespace, NAME))!.body as KubeObject,
      );
  });

  async function repaired(kind: ResourceKind, namespace: string, sent: KubeObject): Promise<void> {
    const where = pathOf(kind, namespace, NAME);
    await scene.patch(kind, namespace, NAME, { metadata: { annotations: { 'example.com/note': 'theirs' } } });
    const live = (await scene.get(kind, namespace, NAME))!;
    const changes: object[] = [];
    for (const leaf of leaves(sent as unknown as Json).filter(({ path }) => !FIXED.test(path))) {
      const there = place(sent, live, leaf.path);
      if (there === undefined) continue;
      const change = { op: 'replace', path: there.path, value: leaf.value };
      const patched = scene.plane.call<KubeObject>('PATCH', `${where}?dryRun=All`, [change], JSON_PATCH);
      // What the server refuses or puts right nobody can change.
      const changed = await patched.catch(() => undefined);
      if (changed === undefined || place(sent, changed, leaf.path)?.value === there.value) continue;
      expect(upToDate(sent, changed), leaf.path).toBe(false);
      changes.push(change);
    }
    expect(changes.length).toBeGreaterThan(2);
    await scene.plane.call('PATCH', where, changes, JSON_PATCH);
    await until(async () => upToDate(sent, (await scene.get(kind, namespace, NAME))!), `${kind.kind} repaired`);
    const { annotations } = (await scene.get(kind, namespace, NAME))!.metadata;
    expect(annotations).toMatchObject({ 'example.com/note': 'theirs' });
  }

  it('another manager that keeps taking a field is answered more and more seldom, and that is told', async () => {
    const operator = await scene.operator();
    const namespace = await scene.namespace();
    await scene.create(namespace);
    await scene.reached(namespace, 'Running');
    const before = operator.writes.length;
    const where = `${pathOf(KINDS.deployment, namespace, NAME)}?fieldManager=rival&force=true`;
    const begun = performance.now();
    let taken = 0;
    while (performance.now() - begun < 20_000) {
      const metadata = { name: NAME, namespace };
      const body = { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { revisionHistoryLimit: 7 } };
      await scene.plane.call('PATCH', where, body, 'application/apply-patch+yaml');
      taken++;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(taken).toBeGreaterThan(50);
    const repairs = operator.writes.slice(before).filter(({ path }) => path.includes('/deployments/'));
    expect(repairs.length).toBeGreaterThan(3);
    expect(repairs.length).toBeLessThan(12);
    const told = operator.told.filter(({ reason }) => reason === 'FieldsContested');
    expect(told.length).toBeGreaterThan(0);
    expect(told[0]!.note).toContain('rival');
  });

  it('an object of somebody else is left as it is, whatever it is', async () => {
    await scene.operator();
    for (const kind of CHILDREN.filter((one) => one !== KINDS.job && one !== KINDS.volumeClaim)) {
      const namespace = await scene.namespace();
      const theirs = await foreign(kind, namespace);
      await scene.create(namespace, { podDisruptionBudget: { maxUnavailable: 1 } });
      const stream = await scene.reached(namespace, 'NameConflict');
      const stalled = stream.status?.conditions?.find(({ type }) => type === 'Stalled');
      expect(stalled).toMatchObject({ status: 'True', reason: 'NameConflict' });
      const now = (await scene.get(kind, namespace, NAME))!;
      expect(now.metadata.labels).toEqual(theirs.metadata.labels);
      expect(now.metadata.ownerReferences).toBeUndefined();
    }
  });

  function foreign({ apiVersion, kind, ...where }: ResourceKind, namespace: string): Promise<KubeObject> {
    const labels = { app: 'theirs' };
    const containers = [{ name: 'theirs', image: 'theirs' }];
    const spec = {
      Deployment: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
      PodDisruptionBudget: { minAvailable: 1, selector: { matchLabels: labels } },
    }[kind];
    const object = { apiVersion, kind, metadata: { name: NAME, namespace, labels }, ...(spec && { spec }) };
    return scene.plane.call('POST', pathOf({ apiVersion, kind, ...where }, namespace), object);
  }
});

const JSON_PATCH = 'application/json-patch+json';

/** Where the server has what was sent at `path`: it may have put other items into a list. */
function place(sent: unknown, live: unknown, path: string): { path: string; value: unknown } | undefined {
  const steps = path
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  let [from, to] = [sent, live];
  const found: string[] = [];
  for (const step of steps) {
    if (to === null || typeof to !== 'object' || from === null || typeof from !== 'object') return undefined;
    let own = step;
    if (Array.isArray(from) && Array.isArray(to)) {
      const item = from[Number(step)] as { name?: string };
      const index =
        item.name === undefined ? Number(step) : to.findIndex((one: { name?: string }) => one.name === item.name);
      own = String(index);
    }
    from = (from as Record<string, unknown>)[step];
    to = (to as Record<string, unknown>)[own];
    found.push(own.replaceAll('~', '~0').replaceAll('/', '~1'));
  }
  return to === undefined ? undefined : { path: `/${found.join('/')}`, value: to };
}
