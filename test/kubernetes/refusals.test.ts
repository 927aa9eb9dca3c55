/** What Splunk, AWS, a position store or a node refuses to a reader: told with reason and remedy, in conditions and an Event; mended it heals by itself, and nothing is lost meanwhile. */
import path from 'node:path';
import { DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SERVER_CERTIFICATE, TEST_CA } from '../fakes/certificates.ts';
import { startHecProcess, type HecProcess } from '../fakes/hec/child.ts';
import { kms } from '../fakes/kinesis/faults.ts';
import { until } from '../flow/cli-process.ts';
import type { Change } from './crd-change.ts';
import { Flow, type Trouble } from './refused-flow.ts';
import { Scene, TOKEN, type Placed } from './scene.ts';
import { makeTable, worker } from './their-table.ts';
import { secretWith } from './watched.ts';

const GONE_IMAGE = 'registry.test/kinlog:gone';
const MANY_CALLS = 1_000_000;

let scene: Scene;
/** Behind a certificate of an authority that no system knows. */
let secured: HecProcess;
let dynamo: DynamoDBClient;
beforeAll(async () => {
  scene = await Scene.start({ alsoNamed: [GONE_IMAGE] });
  secured = await startHecProcess({ tls: true, tokens: { [TOKEN]: {} }, file: path.join(scene.folder, 'indexed') });
  dynamo = new DynamoDBClient({
    endpoint: scene.dynamo.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    requestHandler: new NodeHttpHandler(),
  });
});
afterAll(async () => {
  dynamo.destroy();
  await secured.kill();
  await scene.stop();
});

const hec = (change: object): Change => ({
  outputs: [
    {
      name: 'splunk',
      type: 'SplunkHEC',
      splunkHEC: { urls: [scene.hec.url], tokenSecretRef: { name: 'splunk-hec', key: 'token' }, ...change },
    },
  ],
});
const authorities = ({ namespace }: Flow, pem: string) =>
  scene.apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'authorities', namespace },
    data: { 'ca.crt': pem },
  });
const awsKey = ({ namespace }: Flow, id: string) =>
  secretWith(scene.plane, { namespace, name: 'aws' }, { id, key: 'test' });
const tokenFor = async (flow: Flow, index: string) => {
  const token = `6a1c6d3e-0000-4000-8000-${flow.namespace.endsWith('new') ? '00000000beef' : '00000000cafe'}`;
  await scene.hec.control({ do: 'token', token, settings: { indexes: [index] } });
  await secretWith(scene.plane, flow.tokenSecret, { token });
};

interface Refused {
  readonly what: string;
  /** Of its namespace. */
  readonly short: string;
  readonly spec?: () => Change;
  readonly well: (flow: Flow) => Promise<unknown>;
  readonly wrong: (flow: Flow) => Promise<unknown>;
  readonly told: Trouble;
  /** Of a reader that runs when it goes wrong and is mended: what it is made of changes with each. */
  readonly rollouts: 0 | 2;
}

const REFUSED: readonly Refused[] = [
  {
    what: 'an index that the token may not write to',
    short: 'index',
    spec: () => hec({ index: 'web' }),
    well: (flow) => tokenFor(flow, 'web'),
    wrong: (flow) => tokenFor(flow, 'main'),
    told: {
      reason: 'OutputRejected',
      as: 'Failed',
      words: ['the index web', 'Incorrect index', 'allow it to the token'],
      code: 'KINLOG_SPLUNK_REFUSED',
    },
    rollouts: 0,
  },
  {
    what: 'a certificate that is signed by nobody who is known',
    short: 'certificate',
    spec: () => hec({ urls: [secured.url], tls: { ca: { configMapRef: { name: 'authorities', key: 'ca.crt' } } } }),
    well: (flow) => authorities(flow, TEST_CA),
    wrong: (flow) => authorities(flow, SERVER_CERTIFICATE),
    told: {
      reason: 'OutputUntrusted',
      as: 'Failed',
      words: ['127.0.0.1', 'certificate', 'Name the certificate authority'],
      code: 'KINLOG_TLS_UNTRUSTED',
    },
    rollouts: 2,
  },
  {
    what: 'a token that Splunk does not know',
    short: 'token',
    well: (flow) => secretWith(scene.plane, flow.tokenSecret, { token: TOKEN }),
    wrong: (flow) => secretWith(scene.plane, flow.tokenSecret, { token: TOKEN.replace('feed', 'dead') }),
    told: {
      reason: 'OutputRejected',
      as: 'Failed',
      words: ['Invalid token', 'Check that the HEC token exists'],
      code: 'KINLOG_SPLUNK_REFUSED',
    },
    rollouts: 2,
  },
  {
    what: 'an access key that AWS does not know',
    short: 'key',
    well: async (flow) => {
      await flow.kinesis.control({ do: 'access-keys', ids: ['test'] });
      await awsKey(flow, 'test');
    },
    wrong: async (flow) => {
      await flow.kinesis.control({ do: 'access-keys', ids: ['test'] });
      await awsKey(flow, 'revoked');
    },
    told: {
      reason: 'SourceAccessDenied',
      as: 'Failed',
      words: ['AWS did not accept the credentials', 'us-east-1', 'Renew the credentials'],
      code: 'KINLOG_CREDENTIALS_REFUSED',
    },
    rollouts: 2,
  },
  {
    what: 'an action that is not allowed',
    short: 'action',
    well: ({ kinesis }) => kinesis.control({ do: 'allow' }),
    wrong: ({ kinesis }) => kinesis.control({ do: 'allow', operations: ['DescribeStreamSummary', 'ListShards'] }),
    told: {
      reason: 'SourceAccessDenied',
      as: 'Failed',
      words: ['not allowed', 'Allow the IAM action kinesis:Get'],
      code: 'KINLOG_PERMISSION_REFUSED',
    },
    rollouts: 0,
  },
  {
    what: 'a key of KMS that may not be used',
    short: 'kms',
    well: ({ kinesis }) => kinesis.control({ do: 'clear-faults' }),
    wrong: ({ kinesis }) =>
      kinesis.control({ do: 'next', operation: 'GetRecords', fault: KMS_REFUSED, times: MANY_CALLS }),
    told: {
      reason: 'SourceAccessDenied',
      as: 'Failed',
      words: ['encryption key', 'kms:Decrypt'],
      code: 'KINLOG_KMS_REFUSED',
    },
    rollouts: 0,
  },
];

const KMS_REFUSED = kms('KMSAccessDeniedException') as { kind: 'error'; type: string };

/** What shows without an event. */
const AT_ONCE = REFUSED.filter(({ short }) => short === 'certificate' || short === 'token');
const refusedAtFirst = ({ short, spec, well, wrong, told }: Refused, when: 'new' | 'idle') => {
  const described = { namespace: `${short}-${when}`, change: spec?.() ?? {}, idle: when === 'idle' };
  return Flow.with(scene, described, async (flow) => {
    await wrong(flow);
    await flow.apply();
    await flow.isTold(told);
    await well(flow);
    expect(await flow.isWell()).toBe(0);
  });
};

describe.concurrent('what refuses a reader', () => {
  it.each(REFUSED)('before it has read anything: $what', (one) => refusedAtFirst(one, 'new'));
  it.each(AT_ONCE)('before there is an event: $what', (one) => refusedAtFirst(one, 'idle'));

  it.each(REFUSED)(
    'while it runs, positions kept, a pod for each change of what it is made of: $what',
    ({ short, spec, well, wrong, told, rollouts }) =>
      Flow.with(scene, { namespace: `${short}-running`, change: spec?.() ?? {} }, async (flow) => {
        await well(flow);
        await flow.runs();
        const before = await flow.rollouts();
        const pods = await flow.pods();
        await wrong(flow);
        if (rollouts > 0) await until(async () => isAnother(await flow.pods(), pods), 'another pod', 60_000);
        await flow.put();
        await flow.isTold(told);
        await well(flow);
        expect(await flow.isWell()).toBe(0);
        expect((await flow.rollouts()) - before).toBe(rollouts);
        if (rollouts === 0) expect(await flow.pods()).toEqual(pods);
      }),
  );
});

const isAnother = (now: readonly string[], before: readonly string[]) => now.length === 1 && now[0] !== before[0];

describe.concurrent('a table for positions', () => {
  it('of somebody else is told and not touched; out of the way, the reader makes its own', () =>
    Flow.with(scene, { namespace: 'foreign' }, async (flow) => {
      await makeTable(dynamo, 'foreign.logs', 'customer');
      await flow.apply();
      await flow.isTold({
        reason: 'CheckpointUnusable',
        as: 'Failed',
        words: ['foreign.logs', 'customer (HASH, S)', 'Name another table'],
        code: 'KINLOG_CHECKPOINT_FOREIGN',
      });
      await dynamo.send(new DeleteTableCommand({ TableName: 'foreign.logs' }));
      expect(await flow.isWell()).toBe(0);
    }));

  it('that a KCL application works on is left to it, and taken over once that has ended', () =>
    Flow.with(scene, { namespace: 'kcl' }, async (flow) => {
      await makeTable(dynamo, 'kcl.logs', 'leaseKey');
      const life = new AbortController();
      const working = worker(dynamo, 'kcl.logs', life.signal);
      try {
        await flow.apply();
        await flow.isTold({
          reason: 'CheckpointInUse',
          as: 'InProgress',
          words: ['their-worker', 'shardId-000000000000', 'Stop every worker of that application'],
          code: 'KINLOG_KCL_ALIVE',
        });
        expect(scene.accepted('kcl ')).toEqual([]);
      } finally {
        life.abort();
        await working;
      }
      expect(await flow.isWell()).toBe(0);
    }));

  it('that is missing and may not be made is told, and found once somebody has made it', () =>
    Flow.with(
      scene,
      { namespace: 'never', change: { checkpoint: { dynamoDB: { createTable: 'Never' } } } },
      async (flow) => {
        await flow.apply();
        await flow.isTold({
          reason: 'CheckpointUnusable',
          as: 'Failed',
          words: ['never.logs', 'make the table'],
          code: 'KINLOG_CHECKPOINT_MISSING',
        });
        await makeTable(dynamo, 'never.logs', 'leaseKey');
        expect(await flow.isWell()).toBe(0);
      },
    ));
});

const BROKEN = {
  podTemplate: { spec: { containers: [{ name: 'reader', env: [{ name: 'NODE_OPTIONS', value: '--none' }] }] } },
};

describe.concurrent('a node', () => {
  it('that can not pull the image: the reader before has ended in order, so nothing is missing with the right one', () =>
    Flow.with(scene, { namespace: 'image' }, async (flow) => {
      await flow.runs();
      const [node] = scene.nodes;
      await node!.control({ do: 'image', name: GONE_IMAGE, there: false });
      await flow.apply({ image: GONE_IMAGE });
      await flow.put();
      const told = {
        reason: 'ImagePullFailed',
        as: 'InProgress',
        words: [GONE_IMAGE, 'imagePullSecrets', 'kubectl describe pod'],
      } as const;
      await flow.isTold(told);
      await node!.control({ do: 'image', name: GONE_IMAGE, there: true });
      expect(await flow.isWell()).toBe(0);
    }));

  it('on which the reader ends before it says a word: the exit code is told, and the next spec is enough', () =>
    Flow.with(scene, { namespace: 'crash' }, async (flow) => {
      await flow.runs();
      await flow.apply(BROKEN);
      await flow.put();
      await flow.isTold({
        reason: 'ReaderCrashLooping',
        as: 'Failed',
        words: ['ends again and again', 'exit code 9', 'kubectl logs --previous'],
      });
      await flow.apply();
      expect(await flow.isWell()).toBe(0);
    }));

  it('that kills the reader again and again: it is told, and what was stored is not read again', () =>
    Flow.with(scene, { namespace: 'killed' }, async (flow) => {
      await flow.runs();
      const kill = ({ node, pod }: Placed) =>
        node.control({ do: 'kill', pod: `killed/${pod.name}`, signal: 'SIGKILL' });
      await flow.whileEnding(kill, async () => {
        await flow.put();
        await flow.isTold({
          reason: 'ReaderCrashLooping',
          as: 'Failed',
          words: ['ends again and again', 'exit code 137', 'kubectl logs --previous'],
        });
      });
      // What was accepted in the second before a kill and not stored.
      expect(await flow.isWell()).toBeLessThanOrEqual(20);
    }));
});
