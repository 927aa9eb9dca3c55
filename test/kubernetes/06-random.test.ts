/** Suite 6: random specs settle, and then nothing is written: not when they are applied again, with every default said, or spelled otherwise; not when all are looked at, nor by an operator that has just started. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { configProblems } from '../../operator/desired/check.ts';
import { referencesOf } from '../../operator/desired/references.ts';
import type { ApiCall } from '../../operator/kube/api.ts';
import { KINDS } from '../../operator/kube/kinds.ts';
import { pathOf } from '../../operator/kube/list.ts';
import type { LogStream } from '../../operator/logstream.ts';
import { until } from '../flow/cli-process.ts';
import { spelledTwice, type SpelledTwice } from './crd-specs.ts';
import type { OperatorHere } from './operator-here.ts';
import { ReconcileScene, SPEC } from './reconcile-scene.ts';

const SEED = Number(process.env['KINLOG_SEED'] ?? Date.now() % 1_000_000);
const COUNT = 15;
/** More than enough: a few are refused by rules over several fields. */
const MADE = 4 * COUNT;
const NAME = 'orders';
const SETTLE_MS = 60_000;

let scene: ReconcileScene;
beforeAll(async () => {
  scene = await ReconcileScene.start();
});
afterAll(() => scene.stop());

interface Applied {
  readonly namespace: string;
  readonly spec: SpelledTwice;
  /** Of the condition Ready, in the end. */
  readonly reason: string;
}

/** Undefined: the server does not take it. */
async function unlessInvalid<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (!String(error).includes(' 422 ')) throw error;
    return undefined;
  }
}

/** As the server would store it; undefined when it breaks a rule. */
async function tried(namespace: string, spec: object): Promise<LogStream | undefined> {
  const { apiVersion, kind } = KINDS.logStream;
  const object = { apiVersion, kind, metadata: { namespace, name: NAME }, spec: { ...SPEC, ...spec } };
  const where = `${pathOf(KINDS.logStream, namespace)}?dryRun=All`;
  return unlessInvalid(scene.plane.call<LogStream>('POST', where, object));
}

/** Makes everything that it names; false when there can be no such thing, as a key of a Secret that begins with two dots. */
async function provide(stream: LogStream): Promise<boolean> {
  const namespace = stream.metadata.namespace!;
  for (const { kind, name, keys } of referencesOf(stream)) {
    const post = (of: keyof typeof KINDS, rest: object) =>
      unlessInvalid(scene.plane.call('POST', pathOf(KINDS[of], namespace), { metadata: { namespace, name }, ...rest }));
    const texts = Object.fromEntries(keys.map((key) => [key, Buffer.from(key).toString('base64')]));
    const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
    const made = {
      Secret: () => post('secret', { data: texts }),
      ConfigMap: () => post('configMap', { data: texts }),
      ServiceAccount: () => post('serviceAccount', {}),
      PersistentVolumeClaim: () => post('volumeClaim', { spec: claim }),
    };
    if ((await made[kind]()) === undefined) return false;
  }
  return true;
}

/** The few that the server takes and no reader would are told so, once. */
function reasonOf(stream: LogStream): string {
  const rests = stream.spec.paused || stream.spec.replicas === 0;
  return configProblems(stream)[0]?.reason ?? (rests ? 'Paused' : 'Running');
}

/** Its newest spec is brought about, and nothing is under way. */
async function settled({ namespace, reason }: Applied): Promise<void> {
  let last: LogStream | undefined;
  await until(
    async () => {
      last = await scene.stream(namespace);
      const ready = last?.status?.conditions?.find(({ type }) => type === 'Ready');
      return ready?.reason === reason && last?.status?.observedGeneration === last?.metadata.generation;
    },
    `${namespace} ${reason}`,
    SETTLE_MS,
  ).catch((error: unknown) => {
    throw new Error(`KINLOG_SEED=${SEED}: ${String(error)}: ${JSON.stringify([last?.spec, last?.status])}`);
  });
  await scene.settled(namespace);
}

/** By somebody else: who takes back what was said by himself leaves null behind where a group becomes empty, which the server refuses. */
async function sayDefaults(namespace: string, spec: object): Promise<void> {
  const { apiVersion, kind } = KINDS.logStream;
  const where = `${pathOf(KINDS.logStream, namespace, NAME)}?fieldManager=thorough&force=true`;
  const object = { apiVersion, kind, metadata: { namespace, name: NAME }, spec };
  await scene.plane.call('PATCH', where, object, 'application/apply-patch+yaml');
}

/** Uids, of each. */
async function pods(all: readonly Applied[]): Promise<readonly (readonly string[])[]> {
  const each = all.map(async ({ namespace }) => {
    const items = await scene.list(KINDS.pod, namespace);
    return items.map(({ metadata }) => metadata.uid!).sort();
  });
  return Promise.all(each);
}

async function looked(operator: OperatorHere): Promise<void> {
  await until(() => operator.isIdle, 'nothing under way');
  operator.feed.resync(0, Math.random);
  await until(() => operator.isIdle, 'all looked at', SETTLE_MS);
}

const words = (writes: readonly ApiCall[]) => writes.map(({ method, path }) => `${method} ${path}`);

it(`${COUNT} random specs are written once (KINLOG_SEED=${SEED})`, { timeout: 240_000 }, async () => {
  const operator = await scene.operator();
  const all: Applied[] = [];
  for (const spec of fc.sample(spelledTwice, { seed: SEED, numRuns: MADE })) {
    if (all.length === COUNT) break;
    const namespace = await scene.namespace();
    const [one, other] = [await tried(namespace, spec.one), await tried(namespace, spec.other)];
    // What one way of writing it lets pass, so does another.
    expect(one === undefined, JSON.stringify(spec)).toBe(other === undefined);
    if (one === undefined || !(await provide(one))) continue;
    await scene.create(namespace, spec.one, NAME);
    all.push({ namespace, spec, reason: reasonOf(one) });
  }
  expect(all).toHaveLength(COUNT);
  for (const one of all) await settled(one);

  const nothing = async (by: OperatorHere, since: number) => {
    await looked(by);
    expect(words(by.writes.slice(since)), `KINLOG_SEED=${SEED}`).toEqual([]);
  };
  await nothing(operator, operator.writes.length);
  const before = operator.writes.length;
  for (const { namespace, spec } of all) {
    const { metadata, spec: whole } = (await scene.stream(namespace))!;
    await scene.create(namespace, spec.one, NAME);
    await sayDefaults(namespace, whole);
    expect((await scene.stream(namespace))!.metadata.generation).toBe(metadata.generation);
  }
  await nothing(operator, before);

  const was = await pods(all);
  for (const { namespace, spec } of all) await scene.create(namespace, spec.other, NAME);
  for (const one of all) await settled(one);
  const children = words(operator.writes.slice(before)).filter((one) => !one.endsWith('/status'));
  expect(new Set(children).size, `KINLOG_SEED=${SEED}: ${children.join(', ')}`).toBe(children.length);
  expect(await pods(all)).toEqual(was);
  await nothing(operator, operator.writes.length);

  await scene.endOperators();
  const next = await scene.operator();
  await until(() => next.watching.caches.logStreams.size >= COUNT, 'everything known');
  await nothing(next, 0);
  expect(await pods(all)).toEqual(was);
});
