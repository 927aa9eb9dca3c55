/** What the types, bounds and patterns of the fields of LogStream let pass and refuse, as changes to the smallest spec there is. */
import { checkpoint, hec, KV_STORE, source, type Change } from './crd-change.ts';

export const FIELD_CASES: Readonly<
  Record<string, { readonly accepts: readonly Change[]; readonly refuses: readonly Change[] }>
> = {
  'a HEC token travels in the clear only within the pod': {
    accepts: ['http://localhost:8088', 'http://127.0.0.1', 'http://[::1]:8088', 'https://[fd00::1]:8088/'].map((url) =>
      hec({ urls: [url] }),
    ),
    refuses: ['http://splunk:8088', 'https://splunk:8088/services', 'https://token@splunk', 'splunk:8088', ''].map(
      (url) => hec({ urls: [url] }),
    ),
  },
  'a Splunk token travels in the clear only within the pod': {
    accepts: [checkpoint({ type: 'SplunkKVStore', splunkKVStore: { ...KV_STORE, url: 'http://127.0.0.1:8089' } })],
    refuses: [checkpoint({ type: 'SplunkKVStore', splunkKVStore: { ...KV_STORE, url: 'http://splunk:8089' } })],
  },
  'an address holds no password': {
    accepts: [source({ endpoint: 'http://kinesis.test:4567/path', proxy: 'http://proxy:3128' })],
    refuses: [source({ endpoint: 'http://me:secret@kinesis' }), source({ proxy: 'socks://proxy' })],
  },
  'an address can be connected to': {
    accepts: [source({ endpoint: 'https://10.0.0.1:65535' })],
    refuses: ['https://10.0.0.256', 'https://a:65536', 'https://a:0', 'https://[1::2::3]', 'https://a.1'].map(
      (endpoint) => source({ endpoint }),
    ),
  },
  'a region is written as AWS writes them': {
    accepts: ['us-gov-west-1', 'eusc-de-east-1'].map((region) => source({ region })),
    refuses: ['us-east1', 'useast1', 'US-EAST-1'].map((region) => source({ region })),
  },
  'a time has a zone': {
    accepts: [source({ startPosition: { type: 'AtTimestamp', timestamp: '2026-01-31T10:00:00.5+01:00' } })],
    refuses: ['2026-01-31', '2026-01-31T10:00:00', '2026-02-30T10:00:00Z', '-15m'].map((timestamp) =>
      source({ startPosition: { type: 'AtTimestamp', timestamp } }),
    ),
  },
  'there is one output, and one reader at most': {
    accepts: [{ replicas: 0 }],
    refuses: [
      { outputs: [] },
      { outputs: null },
      { outputs: ['a', 'b'].map((name) => ({ name, type: 'Stdout' })) },
      { replicas: 2 },
    ],
  },
  'numbers are within the bounds of kinlog run': {
    accepts: [checkpoint({ intervalSeconds: 86_400 }), source({ polling: { idleMilliseconds: 250 } })],
    refuses: [
      checkpoint({ intervalSeconds: 0 }),
      checkpoint({ leasePeriodSeconds: 86_401 }),
      source({ polling: { idleMilliseconds: 249 } }),
      hec({ batch: { maxInFlight: 65 } }),
      { maxMegabytesInFlight: 0 },
      checkpoint({ dynamoDB: { billing: { readCapacity: 5 } } }),
    ],
  },
  'quantities are those of Kubernetes': {
    accepts: [{ resources: { limits: { memory: '512Mi', cpu: 1 }, requests: { cpu: '0.5' } } }],
    refuses: [{ resources: { limits: { memory: '512 MB' } } }, { deadLetters: { volume: { size: '0' } } }],
  },
  'names are those of Kubernetes objects': {
    accepts: [{ serviceAccount: { name: 'a.b-c' } }],
    refuses: [
      { serviceAccount: { name: 'A' } },
      { serviceAccount: { name: '' } },
      hec({ tokenSecretRef: { key: null } }),
    ],
  },
};
