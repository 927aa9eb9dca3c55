/** What is wrong about a LogStream that its schema can not see. Everything at once, so that nobody has to try twice. Pure. */
import { runSchema } from '../../cli/run-schema.ts';
import type { LogStream } from '../logstream.ts';
import type { Problem } from '../reconcile/facts.ts';
import { readerSettings } from './config.ts';
import { versionProblems } from './other-version.ts';
import { overlayFaults } from './overlay-faults.ts';
import { aboveLimit, resourcesOf } from './resources.ts';

export function configProblems(stream: LogStream): readonly Problem[] {
  const known = FOUND.get(stream) ?? found(stream);
  FOUND.set(stream, known);
  return known;
}

/** For as long as the object lives, which nobody changes: most passes find the same object, and the reader's schema takes a third of such a pass. */
const FOUND = new WeakMap<LogStream, readonly Problem[]>();

function found(stream: LogStream): readonly Problem[] {
  const ofVersion = versionProblems(stream);
  // What else there is to say takes a spec of our own version for granted.
  if (ofVersion.length > 0) return ofVersion;
  const configs = [
    ...timeFaults(stream),
    ...readerFaults(stream),
    ...resourceFaults(stream),
    ...tagFaults(stream),
    ...volumeFaults(stream),
  ];
  return [
    ...configs.map((message) => ({ reason: 'InvalidConfig', message })),
    ...overlayFaults(stream).map(({ field, what }) => ({ reason: 'InvalidPodTemplate', message: `${field} ${what}.` })),
  ];
}

/** The start of a reader without one is the tip, which would skip what was asked for. */
function timeFaults({ spec }: LogStream): string[] {
  const { startPosition, onLostPosition } = spec.source;
  return [
    ...timeFault('spec.source.startPosition', startPosition),
    ...timeFault('spec.source.onLostPosition', onLostPosition),
    ...timeFault('spec.resetRequest.position', spec.resetRequest?.position),
  ];
}

interface Timed {
  readonly type: string;
  readonly timestamp?: string;
}

function timeFault(field: string, { type, timestamp = '' }: Timed = { type: '' }): string[] {
  if (type !== 'AtTimestamp' || !Number.isNaN(Date.parse(timestamp))) return [];
  return [`${field}.timestamp must be a time such as 2026-01-31T10:00:00Z for type AtTimestamp.`];
}

/** Members of the reader's file, the longest first, and where the LogStream says what becomes of them. */
const SAID_IN: readonly (readonly [path: string, field: string])[] = [
  ['streams.0.start', 'spec.source.startPosition'],
  ['streams.0.onLostPosition', 'spec.source.onLostPosition'],
  ['streams.0.fanOut', 'spec.source.enhancedFanOut'],
  ['streams.0.format', 'spec.format.codec'],
  ['streams.0.idleMs', 'spec.source.polling.idleMilliseconds'],
  ['streams.0.checkpointEveryMs', 'spec.checkpoint.intervalSeconds'],
  ['streams.0.leasePeriodMs', 'spec.checkpoint.leasePeriodSeconds'],
  ['streams', 'spec.source'],
  ['store', 'spec.checkpoint'],
  ['output', 'spec.outputs[0]'],
  ['deadLetters', 'spec.deadLetters'],
  ['maxMbInFlight', 'spec.maxMegabytesInFlight'],
];

/** The reader's own rules: one that would refuse its configuration is not started. */
function readerFaults(stream: LogStream): string[] {
  const { error } = runSchema.safeParse(readerSettings(stream));
  return (error?.issues ?? []).map(({ path, message }) => {
    const at = path.join('.');
    const [known, field] = SAID_IN.find(([start]) => at.startsWith(start)) ?? ['', 'spec'];
    const rest = at.slice(known.length).replace(/^\.(0\.)?/, '');
    return `${field}${rest === '' ? '' : ` (${rest} of the reader)`} must be ${message}.`;
  });
}

function resourceFaults({ spec }: LogStream): string[] {
  return aboveLimit(resourcesOf(spec)).map(
    (name) => `spec.resources.requests.${name} is above spec.resources.limits.${name}; raise the limit.`,
  );
}

const TAG = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Tag.html */
function tagFaults({ spec }: LogStream): string[] {
  const refused = ([name, value]: readonly [string, string]) =>
    name === '' || name.length > 128 || name.startsWith('aws:') || !TAG.test(name) || !TAG.test(value);
  return Object.entries(spec.checkpoint.dynamoDB?.tags ?? {})
    .filter(refused)
    .map(
      ([name]) =>
        `spec.checkpoint.dynamoDB.tags[${JSON.stringify(name)}] is no tag that AWS takes: up to 128 letters, digits, blanks or _.:/=+-@, not beginning with aws:, and a value of these.`,
    );
}

/** One process at a time holds them. */
function volumeFaults({ spec }: LogStream): string[] {
  if (spec.updateStrategy !== 'Overlap') return [];
  const why = 'needs updateStrategy Recreate: with Overlap two readers would hold one volume.';
  return [
    ...(spec.checkpoint.type === 'LevelDB' ? [`spec.checkpoint.type LevelDB ${why}`] : []),
    ...(spec.deadLetters === undefined ? [] : [`spec.deadLetters ${why}`]),
  ];
}
