/** Suite 14: for a while everything changes and the API server errs; the operator does not grow, and in the end everything is as it should be. `make soak-kubernetes` does so for longer, with more. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { KubeObject } from '../../operator/kube/object.ts';
import type { LogStream } from '../../operator/logstream.ts';
import { seededRandom } from '../fakes/access-log.ts';
import { Crowd, inParallel, nameOf, NAMESPACE } from './crowd.ts';
import { answers, FaultProxy } from './fault-proxy.ts';
import type { ShippedOperator } from './shipped-operator.ts';

const COUNT = Number(process.env['KINLOG_SOAK_LOGSTREAMS'] ?? 40);
const MINUTES = Number(process.env['KINLOG_SOAK_MINUTES'] ?? 0.5);
const SEED = Number(process.env['KINLOG_SEED'] ?? Date.now() % 1_000_000);
const ROUND_MS = 2000;
/** Of all LogStreams in a round. */
const CHANGED = 0.05;
/** Of calls that are no watch and no listing. */
const FAILING = 0.03;
const SETTLE_MS = 60_000 + COUNT * 300;
const MAX_MIB = 256;
/** Connections that come and go. */
const MORE_FILES = 20;
/** Below that, memory still says more about how V8 warms up. */
const LONG_MINUTES = 10;
const GROWTH = 1.15;

let crowd: Crowd;
let proxy: FaultProxy;
let operator: ShippedOperator;
beforeAll(async () => {
  crowd = await Crowd.start();
  proxy = await FaultProxy.start(() => crowd.plane.url);
  operator = await crowd.operator({ server: proxy.url });
});
afterAll(async () => {
  await operator.kill();
  await proxy.stop();
  await crowd.stop();
});
vi.setConfig({ testTimeout: MINUTES * 60_000 + 6 * SETTLE_MS });

const random = seededRandom(SEED);
const below = (limit: number): number => Math.floor(random() * limit);

/** By somebody who works on all of them at once. */
async function change(n: number): Promise<void> {
  const deeds = [
    () => crowd.patch(n, { source: { polling: { idleMilliseconds: 1000 + below(9000) } } }),
    () => crowd.patch(n, { paused: random() < 0.5 }),
    () => crowd.patch(n, { podTemplate: { metadata: { annotations: { changed: String(below(1000)) } } } }),
    () => killPods(n),
    async () => {
      await crowd.delete(n);
      await crowd.create(n);
    },
  ];
  await deeds[below(deeds.length)]!();
}

async function killPods(n: number): Promise<void> {
  for (const { metadata } of await crowd.list('pod'))
    if (metadata.labels?.['kinlog.io/logstream'] === nameOf(n))
      // It may just have gone by itself.
      await crowd.plane.call('DELETE', `/api/v1/namespaces/${NAMESPACE}/pods/${metadata.name}`).catch(() => undefined);
}

/** Answers that a busy API server gives, and watches that end in every way. */
function err(): void {
  proxy.answer = ({ what }) => {
    if (what !== 'other' || random() >= FAILING) return undefined;
    return answers([500, 503, 429, 504][below(4)]!);
  };
  const fault = below(12);
  if (fault === 0) proxy.reset();
  if (fault === 1) proxy.end();
}

/** Of the children of one LogStream, by its name. */
async function byStream(kind: Parameters<Crowd['list']>[0]): Promise<Map<string, KubeObject[]>> {
  const found = new Map<string, KubeObject[]>();
  for (const object of await crowd.list(kind)) {
    const name = object.metadata.labels?.['kinlog.io/logstream'];
    if (name === undefined) continue;
    found.set(name, [...(found.get(name) ?? []), object]);
  }
  return found;
}

/** What a person would look at: every LogStream has one of each child, and one pod that runs with the newest configuration, or none while it is paused. */
async function expectNoDrift(): Promise<void> {
  const [streams, configs, deployments, pods] = await Promise.all([
    crowd.list<LogStream>('logStream'),
    byStream('configMap'),
    byStream('deployment'),
    byStream('pod'),
  ]);
  expect(streams).toHaveLength(COUNT);
  for (const { metadata, spec } of streams) {
    const { name } = metadata;
    const [config] = configs.get(name)!;
    const { idleMilliseconds } = spec.source.polling ?? {};
    if (idleMilliseconds !== undefined) expect(JSON.stringify(config), name).toContain(String(idleMilliseconds));
    const [deployment] = deployments.get(name) as unknown as [Deployment];
    const wanted = deployment.spec.template.metadata.annotations;
    const running = (pods.get(name) ?? []).map(({ metadata: { annotations } }) => annotations);
    expect(running, name).toEqual(spec.paused ? [] : [expect.objectContaining(wanted)]);
  }
  expect([configs, deployments].map(({ size }) => size)).toEqual([COUNT, COUNT]);
}

interface Deployment {
  readonly spec: { readonly template: { readonly metadata: { readonly annotations: Record<string, string> } } };
}

async function settled(): Promise<void> {
  await crowd.until(async () => (await crowd.notReady()).length === 0, 'all Ready', SETTLE_MS);
  await crowd.quiet(operator, SETTLE_MS);
  await crowd.until(async () => (await crowd.notReady()).length === 0, 'all Ready still', SETTLE_MS);
}

it(`${COUNT} LogStreams change for ${MINUTES} min while calls fail, and all is well afterwards (KINLOG_SEED=${SEED})`, async () => {
  await crowd.createAll(COUNT);
  await settled();
  const files = operator.openFiles;
  const memory: number[] = [];
  const end = performance.now() + MINUTES * 60_000;
  for (let round = 0; performance.now() < end; round++) {
    const next = performance.now() + ROUND_MS;
    err();
    if (round % 10 === 9) await crowd.secret(below(10), `token ${round}`);
    const some = new Set(Array.from({ length: Math.ceil(COUNT * CHANGED) }, () => below(COUNT)));
    await inParallel([...some], change);
    crowd.follow();
    memory.push(operator.memory.now);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
  proxy.heal();
  await settled();
  await expectNoDrift();
  expect(operator.openFiles).toBeLessThanOrEqual(files + MORE_FILES);
  expect(operator.memory.peak).toBeLessThan(MAX_MIB);
  if (MINUTES >= LONG_MINUTES) expect(median(memory.slice(-100))).toBeLessThan(GROWTH * median(middle(memory)));
  const peak = operator.memory.peak.toFixed(0);
  process.stderr.write(
    `soak: ${crowd.operatorWrites.length} writes, peak ${peak} MiB, now ${memory.at(-1)?.toFixed(0)}\n`,
  );
  const written = crowd.operatorWrites.length;
  expect(await operator.stop()).toBe(0);
  operator = await crowd.operator({ server: proxy.url });
  await crowd.quiet(operator, SETTLE_MS);
  expect(crowd.operatorWrites.slice(written)).toEqual([]);
});

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
/** When everything had been warm for long. */
const middle = (values: readonly number[]): readonly number[] => values.slice(values.length >> 1).slice(0, 100);
