/** Jobs on positions: the reader's program and secrets, a pod that ends, and a name that holds for one piece of work. */
import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../../../cli/options.ts';
import { RESET_SPEC } from '../../../../cli/checkpoints-options.ts';
import { positionsJob, type PositionsWork } from '../../../../operator/desired/job.ts';
import type { LogStreamSpec } from '../../../../operator/logstream.ts';
import { hec, logStream, settings } from './scene.ts';

interface Job {
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> };
  readonly spec: {
    readonly backoffLimit: number;
    readonly activeDeadlineSeconds: number;
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string> };
      readonly spec: {
        readonly restartPolicy: string;
        readonly volumes: readonly { readonly name: string }[];
        readonly containers: readonly {
          readonly name: string;
          readonly args: readonly string[];
          readonly env: object[];
        }[];
        readonly [field: string]: unknown;
      };
    };
  };
}

interface Projected {
  readonly items: readonly { readonly path: string }[];
  readonly optional?: boolean;
}

const job = (what: PositionsWork, spec: Partial<LogStreamSpec> = {}, name = 'orders') =>
  positionsJob(logStream(spec, name), what, settings) as unknown as Job;
const reset = (id: string, type: 'Latest' | 'TrimHorizon' = 'TrimHorizon'): PositionsWork => ({
  ...{ kind: 'reset', id, position: { type } },
});
const argsOf = (made: Job) => made.spec.template.spec.containers[0]!.args;
const { checkpoint } = logStream().spec;

describe('a Job', () => {
  it.each([
    [reset('a'), { to: { kind: 'horizon' }, ignoreMissing: false }],
    [reset('a', 'Latest'), { to: { kind: 'tip' } }],
    [
      { kind: 'reset', id: 'a', position: { type: 'AtTimestamp', timestamp: '2026-01-31T10:00:00.5Z' } },
      { to: { kind: 'timestamp', ms: Date.UTC(2026, 0, 31, 10, 0, 0, 500) } },
    ],
    [{ kind: 'delete' }, { ignoreMissing: true }],
  ] as const)('for %j runs a command that kinlog knows', (what, values) => {
    const [command, deed, ...argv] = argsOf(job(what));
    expect([command, deed]).toEqual(['checkpoints', 'reset']);
    const line = parseCommandLine(RESET_SPEC, argv, {});
    expect(line).toMatchObject({
      kind: 'run',
      values: { ...values, yes: true, wait: 40_000, config: '/etc/kinlog/reader.yaml' },
    });
  });

  it('watches the rows for longer than every lease, and has the time for it', () => {
    const made = job({ kind: 'delete' }, { checkpoint: { ...checkpoint, leasePeriodSeconds: 600 } });
    expect(argsOf(made)).toContain('2400s');
    expect(made.spec.activeDeadlineSeconds).toBeGreaterThan(2400 + 600);
  });

  it('is tried once: whoever made it makes another one', () => {
    const { spec } = job({ kind: 'delete' });
    expect(spec.backoffLimit).toBe(0);
    expect(spec).not.toHaveProperty('ttlSecondsAfterFinished');
    expect(spec.template.spec.restartPolicy).toBe('Never');
  });

  it('is never taken for a reader, by its Deployment or anybody else', () => {
    const { labels } = job({ kind: 'delete' }).spec.template.metadata;
    expect(labels).toMatchObject({
      'app.kubernetes.io/name': 'kinlog-reader',
      'app.kubernetes.io/component': 'positions',
    });
  });

  it('has positions of its LogStream on a volume, and dead letters none of its business', () => {
    const made = job(reset('a'), { checkpoint: { ...checkpoint, type: 'LevelDB' }, deadLetters: { volume: {} } });
    expect(made.spec.template.spec.volumes.map(({ name }) => name)).toEqual(['config', 'tmp', 'secrets', 'positions']);
  });

  it('starts without what only the output needs, for that may be deleted together with the LogStream', () => {
    const tls = { ca: { configMapRef: { name: 'ca', key: 'ca.crt' } } };
    const splunkKVStore = { url: 'https://s:8089', app: 'a', tokenSecretRef: { name: 'kv', key: 't' }, tls };
    const spec = {
      outputs: [{ ...hec, splunkHEC: { ...hec.splunkHEC!, tls } }],
      checkpoint: { ...checkpoint, type: 'SplunkKVStore', splunkKVStore },
    } as const;
    const [, , secrets] = job({ kind: 'delete' }, spec).spec.template.spec.volumes;
    const { sources } = (secrets as unknown as { projected: { sources: Record<string, Projected>[] } }).projected;
    const needed = sources.flatMap((source) =>
      Object.values(source).flatMap(({ items, optional }) => (optional === true ? [] : items[0]!.path)),
    );
    expect(needed).toEqual(['kv-store-token', 'kv-store-ca']);
  });

  it('runs where and as the reader does, without those that would keep it from ending', () => {
    const podTemplate = {
      metadata: { labels: { team: 'logs' }, annotations: { 'sidecar.istio.io/inject': 'false' } },
      spec: {
        nodeSelector: { pool: 'logs' },
        containers: [
          { name: 'side', image: 'x' },
          { name: 'reader', env: [{ name: 'HTTPS_PROXY', value: 'http://p:1' }], lifecycle: {}, livenessProbe: null },
        ],
      },
    };
    const { template } = job(reset('a'), { podTemplate }).spec;
    expect(template).toMatchObject({
      metadata: { labels: { team: 'logs' }, annotations: podTemplate.metadata.annotations },
      spec: { nodeSelector: { pool: 'logs' } },
    });
    expect(template.spec.containers).toHaveLength(1);
    expect(template.spec.containers[0]!.env).toContainEqual({ name: 'HTTPS_PROXY', value: 'http://p:1' });
    for (const field of ['lifecycle', 'livenessProbe', 'ports', 'startupProbe'])
      expect(template.spec.containers[0]).not.toHaveProperty(field);
  });
});

describe('the name of a Job', () => {
  const nameOf = (what: PositionsWork, name?: string) => job(what, {}, name).metadata.name;

  it('is that of one piece of work for one LogStream', () => {
    expect(nameOf(reset('a'))).toMatch(/^orders-reader-reset-[0-9a-f]{8}$/);
    expect(nameOf(reset('a'))).toBe(nameOf(reset('a')));
    expect(nameOf(reset('a'))).not.toBe(nameOf(reset('b')));
    expect(nameOf({ kind: 'delete' })).toMatch(/^orders-reader-delete-[0-9a-f]{8}$/);
  });

  it('is one that a label can have, however long that of the LogStream is', () => {
    for (const name of ['a'.repeat(48), `${'a'.repeat(39)}.${'b'.repeat(8)}`, `${'a'.repeat(40)}-${'b'.repeat(7)}`]) {
      expect(nameOf({ kind: 'delete' }, name)).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
      expect(nameOf({ kind: 'delete' }, name).length).toBeLessThanOrEqual(63);
    }
  });
});
