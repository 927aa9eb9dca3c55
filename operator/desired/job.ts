/** Jobs that change stored positions while no reader runs: the same program, configuration and secrets as the reader's. */
import { createHash } from 'node:crypto';
import type { LogStream, StartPosition } from '../logstream.ts';
import { keptVolumes } from './claims.ts';
import { startText } from './config.ts';
import type { ReaderSettings } from './desired.ts';
import type { FileName } from './mounted-files.ts';
import { labelsOf, ownedMetadata, type Child } from './names.ts';
import { isGroup, overlaid } from './overlay.ts';
import { CONFIG_PATH, CONTAINER, podSpec, type Json } from './pod.ts';

/** `reset`: every shard begins at the position; once for each id. `delete`: nothing is left of the stream's positions. */
export type PositionsWork =
  { readonly kind: 'reset'; readonly id: string; readonly position: StartPosition } | { readonly kind: 'delete' };

/** Names of Jobs are values of labels. */
const LONGEST_NAME = 63;
/** The command watches the rows for more than three lease periods when a reader has not given them back. */
const LEASE_PERIODS = 4;
const LEAST_WAIT_SECONDS = 40;
const DEADLINE_SECONDS = 900;
/** What only a process that stays has. */
const NOT_IN_JOBS = ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle', 'ports'];

export function positionsJob(stream: LogStream, what: PositionsWork, settings: ReaderSettings): Child {
  const labels = labelsOf(stream, 'positions');
  const wait = Math.max(LEAST_WAIT_SECONDS, LEASE_PERIODS * stream.spec.checkpoint.leasePeriodSeconds);
  const args = ['checkpoints', 'reset', '--config', CONFIG_PATH, '--yes', '--wait', `${wait}s`, ...argumentsOf(what)];
  const volumes = keptVolumes(stream).filter(({ name }) => name === 'positions');
  // Whoever deletes everything at once deletes the token of HEC first, and no Job would start without it.
  const needs = (file: FileName) => !file.startsWith('hec-');
  const work = { args, volumes, needs, container: {}, pod: { restartPolicy: 'Never' } };
  const { metadata, spec = {} } = stream.spec.podTemplate ?? {};
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { ...ownedMetadata(stream, jobName(stream, what)), labels },
    spec: {
      // Whoever made it makes another one, with growing pauses; it is removed once its end is known.
      backoffLimit: 0,
      activeDeadlineSeconds: DEADLINE_SECONDS + wait,
      template: {
        metadata: {
          labels: { ...metadata?.labels, ...labels },
          ...(metadata?.annotations !== undefined && { annotations: metadata.annotations }),
        },
        spec: overlaid(podSpec(stream, work, settings), jobOverlay(spec)),
      },
    },
  };
}

function argumentsOf(what: PositionsWork): readonly string[] {
  return what.kind === 'delete' ? ['--ignore-missing'] : ['--to', startText(what.position) ?? ''];
}

function jobName(stream: LogStream, what: PositionsWork): string {
  const about = [stream.metadata.uid, ...(what.kind === 'reset' ? [what.id] : [])].join('/');
  const hash = createHash('sha256').update(about).digest('hex').slice(0, 8);
  const suffix = `-reader-${what.kind}-${hash}`;
  const prefix = stream.metadata.name.slice(0, LONGEST_NAME - suffix.length).replace(/[.-]+$/, '');
  return `${prefix}${suffix}`;
}

/** A Job ends with its containers, so none may stand beside, and nobody asks how it does. Where it runs and what its program finds there is as for the reader. */
function jobOverlay(spec: Json): Json {
  const { containers, ...rest } = spec;
  if (!Array.isArray(containers)) return rest;
  const reader = (containers as readonly unknown[]).filter((one) => isGroup(one) && one['name'] === CONTAINER);
  const kept = (one: Json): Json =>
    Object.fromEntries(Object.entries(one).filter(([name]) => !NOT_IN_JOBS.includes(name)));
  return { ...rest, containers: (reader as readonly Json[]).map(kept) };
}
