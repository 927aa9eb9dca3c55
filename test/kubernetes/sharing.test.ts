/** Two LogStreams that would divide one stream between them: the second one waits, also for an operator that is started anew, and goes on when it can. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KINDS } from '../../operator/kube/kinds.ts';
import { until } from '../flow/cli-process.ts';
import { ReconcileScene, SPEC } from './reconcile-scene.ts';

let scene: ReconcileScene;
beforeAll(async () => {
  scene = await ReconcileScene.start();
});
afterEach(() => scene.endOperators());
afterAll(() => scene.stop());

const inTable = (tableName: string) => ({ checkpoint: { type: 'DynamoDB', dynamoDB: { tableName } } });
const audit = { outputs: [{ ...SPEC.outputs[0], splunkHEC: { ...SPEC.outputs[0]!.splunkHEC, index: 'audit' } }] };

describe('LogStreams with one table', () => {
  it('the second one is Stalled and has no reader until it names another table', async () => {
    await scene.operator();
    const [first, second] = [await scene.namespace(), await scene.namespace()];
    await scene.create(first, inTable('one'));
    await scene.reached(first, 'Running');
    const before = await scene.get(KINDS.deployment, first, 'orders-reader');
    await scene.create(second, { ...inTable('one'), ...audit });
    const refused = await scene.reached(second, 'PositionsShared');
    expect(refused.status?.conditions).toContainEqual(
      expect.objectContaining({
        type: 'ConfigValid',
        status: 'False',
        message: expect.stringContaining(`LogStream ${first}/orders`) as string,
      }),
    );
    expect(await scene.list(KINDS.deployment, second)).toEqual([]);
    await scene.endOperators();
    const restarted = await scene.operator();
    await until(() => restarted.isIdle, 'everything looked at anew');
    expect(restarted.writes).toEqual([]);
    await scene.create(second, { ...inTable('one'), ...audit, paused: true });
    await scene.create(second, { ...inTable('two'), ...audit, paused: true });
    await scene.create(second, { ...inTable('two'), ...audit });
    await scene.reached(second, 'Running');
    expect(await scene.get(KINDS.deployment, first, 'orders-reader')).toEqual(before);
  });

  it('the second one starts by itself once the first one is gone', async () => {
    await scene.operator();
    const namespace = await scene.namespace();
    await scene.create(namespace, inTable('three'));
    await scene.reached(namespace, 'Running');
    await scene.create(namespace, { ...inTable('three'), ...audit }, 'later');
    await scene.reached(namespace, 'PositionsShared', 'later');
    await scene.delete(KINDS.logStream, namespace, 'orders');
    await scene.reached(namespace, 'Running', 'later');
  });

  it('both read when they do the same with the events', async () => {
    await scene.operator();
    const namespace = await scene.namespace();
    await Promise.all(['orders', 'beside'].map((name) => scene.create(namespace, inTable('four'), name)));
    await scene.reached(namespace, 'Running');
    await scene.reached(namespace, 'Running', 'beside');
  });

  it('of two that are made at once one reads', async () => {
    await scene.operator();
    const namespace = await scene.namespace();
    const names = Array.from({ length: 10 }, (_, i) => `rival-${i}`);
    const outputs = (i: number) => ({
      outputs: [{ ...SPEC.outputs[0], splunkHEC: { ...SPEC.outputs[0]!.splunkHEC, index: `i${i}` } }],
    });
    await Promise.all(names.map((name, i) => scene.create(namespace, { ...inTable('five'), ...outputs(i) }, name)));
    const verdicts = async () => {
      const streams = await Promise.all(names.map((name) => scene.stream(namespace, name)));
      return streams.map((one) => one?.status?.conditions?.find(({ type }) => type === 'ConfigValid')?.reason);
    };
    await until(async () => (await verdicts()).every((reason) => reason !== undefined), 'all looked at');
    expect((await verdicts()).filter((reason) => reason === 'Valid')).toHaveLength(1);
    expect(await scene.list(KINDS.deployment, namespace)).toHaveLength(1);
  });
});
