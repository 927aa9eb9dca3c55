/** What a LogStream names without owning it. */
import { expect, it } from 'vitest';
import { referencesOf } from '../../../../operator/desired/references.ts';
import { hec, logStream } from './scene.ts';

it('the smallest LogStream refers to its HEC token only', () => {
  expect(referencesOf(logStream())).toEqual([
    { kind: 'Secret', name: 'splunk', keys: ['token'], field: 'spec.outputs[0].splunkHEC.tokenSecretRef' },
  ]);
});

it('each object is named once, with all keys and every field that asks for them', () => {
  const tls = { ca: { secretRef: { name: 'splunk', key: 'ca.crt' } } };
  const stream = logStream({
    source: {
      ...logStream().spec.source,
      auth: { type: 'Secret', secretRef: { name: 'aws', accessKeyIdKey: 'id', secretAccessKeyKey: 'key' } },
      tls: { ca: { configMapRef: { name: 'authorities', key: 'ca.crt' } } },
    },
    checkpoint: { ...logStream().spec.checkpoint, type: 'LevelDB', levelDB: { existingClaim: 'positions' } },
    outputs: [{ ...hec, splunkHEC: { ...hec.splunkHEC!, tls } }],
    deadLetters: { volume: { existingClaim: 'letters' } },
    serviceAccount: { create: false, name: 'shared' },
    imagePullSecrets: [{ name: 'registry' }],
  });
  expect(referencesOf(stream)).toEqual([
    {
      ...{ kind: 'Secret', name: 'splunk', keys: ['token', 'ca.crt'] },
      field: 'spec.outputs[0].splunkHEC.tokenSecretRef, spec.outputs[0].splunkHEC.tls.ca.secretRef',
    },
    { kind: 'ConfigMap', name: 'authorities', keys: ['ca.crt'], field: 'spec.source.tls.ca.configMapRef' },
    { kind: 'Secret', name: 'aws', keys: ['id', 'key'], field: 'spec.source.auth.secretRef' },
    {
      ...{ kind: 'PersistentVolumeClaim', name: 'positions', keys: [] },
      field: 'spec.checkpoint.levelDB.existingClaim',
    },
    {
      ...{ kind: 'PersistentVolumeClaim', name: 'letters', keys: [] },
      field: 'spec.deadLetters.volume.existingClaim',
    },
    { kind: 'ServiceAccount', name: 'shared', keys: [], field: 'spec.serviceAccount.name' },
  ]);
});
