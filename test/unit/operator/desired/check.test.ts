/** What a schema can not see of a LogStream is named: the field, what is wrong, what to do. */
import { expect, it } from 'vitest';
import { configProblems } from '../../../../operator/desired/check.ts';
import type { LogStreamSpec } from '../../../../operator/logstream.ts';
import { hec, logStream } from './scene.ts';

const { source, checkpoint } = logStream().spec;
const messages = (spec: Partial<LogStreamSpec>) =>
  configProblems(logStream(spec)).map(({ reason, message }) => `${reason}: ${message}`);

it('the smallest LogStream has no problem', () => expect(messages({})).toEqual([]));

it('everything that is wrong is said at once', () => {
  expect(
    messages({
      source: {
        ...source,
        startPosition: { type: 'AtTimestamp', timestamp: 'soon' },
        onLostPosition: { type: 'AtTimestamp' },
      },
      resetRequest: { id: 'a', position: { type: 'AtTimestamp' } },
      checkpoint: { ...checkpoint, type: 'LevelDB', leasePeriodSeconds: 0 },
      deadLetters: { volume: {} },
      updateStrategy: 'Overlap',
      resources: { requests: { memory: '1Gi', cpu: '0.5' }, limits: { memory: '1000Mi', cpu: '500m' } },
      podTemplate: { spec: { restartPolicy: 'Never' } },
    }),
  ).toEqual([
    'InvalidConfig: spec.source.startPosition.timestamp must be a time such as 2026-01-31T10:00:00Z for type AtTimestamp.',
    'InvalidConfig: spec.source.onLostPosition.timestamp must be a time such as 2026-01-31T10:00:00Z for type AtTimestamp.',
    'InvalidConfig: spec.resetRequest.position.timestamp must be a time such as 2026-01-31T10:00:00Z for type AtTimestamp.',
    expect.stringMatching(/^InvalidConfig: spec\.source\.startPosition must be tip, horizon, a time/),
    'InvalidConfig: spec.checkpoint.leasePeriodSeconds must be a whole number from 1000 to 86400000.',
    'InvalidConfig: spec.resources.requests.memory is above spec.resources.limits.memory; raise the limit.',
    'InvalidConfig: spec.checkpoint.type LevelDB needs updateStrategy Recreate: with Overlap two readers would hold one volume.',
    'InvalidConfig: spec.deadLetters needs updateStrategy Recreate: with Overlap two readers would hold one volume.',
    'InvalidPodTemplate: spec.podTemplate.spec.restartPolicy is what the operator needs it to be; leave it out.',
  ]);
});

it('what the reader itself would refuse is refused here, by the field that says it', () => {
  const outputs = [{ ...hec, splunkHEC: { ...hec.splunkHEC!, urls: ['http://splunk.example.com:8088'] } }];
  expect(messages({ outputs })[0]).toMatch(
    /^InvalidConfig: spec\.outputs\[0\] \(endpoints\.0 of the reader\) must be an address such as https:/,
  );
  expect(messages({ checkpoint: { ...checkpoint, applicationName: 'a b' } })[0]).toMatch(
    /^InvalidConfig: spec\.checkpoint \(table of the reader\) must be the name of a DynamoDB table/,
  );
});

it.each(['', 'aws:x', 'a<b', 'x'.repeat(129)])('a tag called %j is none that AWS takes', (name) => {
  const dynamoDB = { createTable: 'IfMissing', keys: 'Shard', tags: { [name]: 'v', 'team a/b': 'ok' } } as const;
  const found = messages({ checkpoint: { ...checkpoint, dynamoDB } });
  expect(found).toHaveLength(1);
  expect(found[0]).toContain('is no tag that AWS takes');
});

it('a CRD that does not fill in a field is an older one', () => {
  const { updateStrategy: _strategy, ...older } = logStream().spec;
  const faults = configProblems({
    ...logStream(),
    spec: { ...older, source: { ...source, startPosition: {} } } as never,
  });
  expect(faults.map(({ reason, message }) => `${reason}: ${message.split(':')[0]!}`)).toEqual([
    'CRDOutdated: The CRD in the cluster does not know spec.source.startPosition.type',
    'CRDOutdated: The CRD in the cluster does not know spec.updateStrategy',
  ]);
});

it('a word of a later version is named with those that are known, and a field of a later version is left alone', () => {
  const outputs = [{ ...hec, type: 'S3', later: true }] as never;
  expect(messages({ outputs, later: { yes: true } } as never)).toEqual([
    'InvalidConfig: spec.outputs[0].type "S3" is of a later version than the operator, which knows SplunkHEC, Stdout. Upgrade the operator, or take one of these.',
  ]);
});
