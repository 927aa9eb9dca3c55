/** LogStreams as the API server hands them out, and children as plain JSON. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { parseRunConfig, type RunConfig } from '../../../../cli/run-config.ts';
import { readerConfig } from '../../../../operator/desired/config.ts';
import type { Output, LogStream, LogStreamSpec } from '../../../../operator/logstream.ts';
import { TEST_CA } from '../../../fakes/certificates.ts';

export const hec: Output = {
  name: 'splunk',
  type: 'SplunkHEC',
  splunkHEC: { urls: ['https://splunk.example.com:8088'], tokenSecretRef: { name: 'splunk', key: 'token' } },
};

/** The smallest one, with the defaults of the schema. */
export function logStream(spec: Partial<LogStreamSpec> = {}, name = 'orders'): LogStream {
  return {
    apiVersion: 'kinlog.io/v1alpha1',
    kind: 'LogStream',
    metadata: { name, namespace: 'shop', uid: 'uid-1', generation: 1 },
    spec: {
      source: {
        streamName: 'access-logs',
        region: 'eu-west-1',
        mode: 'Polling',
        startPosition: { type: 'Latest' },
      },
      checkpoint: { type: 'DynamoDB', intervalSeconds: 1, leasePeriodSeconds: 10 },
      outputs: [hec],
      replicas: 1,
      paused: false,
      deletionPolicy: 'Retain',
      updateStrategy: 'Recreate',
      logLevel: 'Info',
      monitoring: { podMonitor: 'Auto', lagThresholdSeconds: 300 },
      serviceAccount: { create: true },
      ...spec,
    },
  };
}

export const settings = { image: 'registry.example.com/kinlog:1', podMonitors: true };
export const nothing = { stamps: new Map<string, string>() };

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kinlog-desired-'));
  for (const file of ['hec-ca', 'source-ca', 'kv-store-ca']) writeFileSync(path.join(folder, file), TEST_CA);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** What the parser says of the reader's file, whose secrets and authorities are there. */
function parsed(stream: LogStream): ReturnType<typeof parseRunConfig> {
  const text = readerConfig(stream).replaceAll('/var/run/kinlog/secrets', folder);
  const result = parseRunConfig(text, 'reader.yaml');
  return JSON.parse(JSON.stringify(result).replaceAll(folder, '/var/run/kinlog/secrets')) as typeof result;
}

export function accepted(stream: LogStream): RunConfig {
  const result = parsed(stream);
  if ('faults' in result) throw new Error(`${result.faults.join('\n')}\n${readerConfig(stream)}`);
  return result.config;
}
