/** What is wrong about the fields that a user lays over the pod: what can not be merged, and what the operator needs as it makes it. Pure. */
import type { LogStream } from '../logstream.ts';
import { DEAD_LETTERS_FOLDER, POSITIONS_FOLDER, STATUS_PORT } from './config.ts';
import { SECRETS_FOLDER } from './mounted-files.ts';
import { isGroup, keyedList, keyText } from './overlay.ts';
import { CONFIG_FOLDER, CONTAINER, environmentOf, type Json } from './pod.ts';

export interface OverlayFault {
  readonly field: string;
  readonly what: string;
}

const ROOT = 'spec.podTemplate';
/** A PodSpec is a few groups deep. */
const DEEPEST = 30;

export function overlayFaults(stream: LogStream): readonly OverlayFault[] {
  const { metadata, spec } = stream.spec.podTemplate ?? {};
  const faults = [
    ...reservedFaults(metadata?.labels, `${ROOT}.metadata.labels`),
    ...reservedFaults(metadata?.annotations, `${ROOT}.metadata.annotations`),
  ];
  if (spec === undefined) return faults;
  const malformed = shapeFaults(spec, { field: `${ROOT}.spec`, within: '', depth: 0 });
  return [...faults, ...malformed, ...(malformed.length > 0 ? [] : keptFaults(stream, spec))];
}

/** A pod with the label of a Job is none of a reader. */
const RESERVED = /^(kinlog\.io\/|batch\.kubernetes\.io\/|app\.kubernetes\.io\/(name|instance|component|managed-by)$)/;

function reservedFaults(values: Readonly<Record<string, string>> | undefined, field: string): OverlayFault[] {
  return Object.keys(values ?? {})
    .filter((name) => RESERVED.test(name))
    .map((name) => ({ field: `${field}["${name}"]`, what: 'belongs to the operator; leave it out' }));
}

interface Place {
  readonly field: string;
  /** The list in whose items this lies. */
  readonly within: string;
  readonly depth: number;
}

function shapeFaults(value: unknown, place: Place): OverlayFault[] {
  const { field, depth } = place;
  if (depth > DEEPEST) return [{ field, what: 'lies too deep; no field of a pod does' }];
  if (Array.isArray(value))
    return value.flatMap((item, i) => shapeFaults(item, { ...place, field: `${field}[${i}]`, depth: depth + 1 }));
  if (!isGroup(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => memberFaults(name, inner, place));
}

function memberFaults(name: string, value: unknown, { field, within, depth }: Place): OverlayFault[] {
  const at = `${field}.${name}`;
  if (name.startsWith('$'))
    return [{ field: at, what: 'is a directive, which is not followed here; null removes a field' }];
  const list = keyedList(name, within);
  if (list === undefined)
    return shapeFaults(value, { field: at, within: within === '' ? name : 'other', depth: depth + 1 });
  if (!Array.isArray(value)) return [{ field: at, what: 'must be a list' }];
  const items = value as readonly unknown[];
  const mayRepeat = list.how === 'append';
  const faults = items.flatMap((item, i) => itemFaults(item, `${at}[${i}]`, mayRepeat ? undefined : list.keys[0]));
  if (faults.length > 0) return faults;
  const inner = list.how === 'merge' ? name : 'other';
  return [
    ...(mayRepeat ? [] : repeated(items as readonly Json[], list.keys, at)),
    ...items.flatMap((item, i) => shapeFaults(item, { field: `${at}[${i}]`, within: inner, depth: depth + 1 })),
  ];
}

function itemFaults(item: unknown, field: string, key: string | undefined): OverlayFault[] {
  if (!isGroup(item)) return [{ field, what: 'must be a group of fields' }];
  const value = key === undefined ? 0 : item[key];
  const isKey = (typeof value === 'string' && value !== '') || typeof value === 'number';
  return isKey ? [] : [{ field, what: `has no ${String(key)}, which tells it apart` }];
}

function repeated(items: readonly Json[], keys: readonly string[], field: string): OverlayFault[] {
  const seen = new Set<string>();
  return items.flatMap((item, i) => {
    const text = keyText(item, keys);
    return seen.size < seen.add(text).size
      ? []
      : [{ field: `${field}[${i}]`, what: `is there twice: ${keys.join(' and ')} ${text}` }];
  });
}

/** Fields that the LogStream says elsewhere, with where. */
const SAID_ELSEWHERE: Readonly<Record<string, string>> = {
  serviceAccountName: 'spec.serviceAccount.name',
  serviceAccount: 'spec.serviceAccount.name',
};
const CONTAINER_SAID_ELSEWHERE: Readonly<Record<string, string>> = {
  image: 'spec.image',
  imagePullPolicy: 'spec.imagePullPolicy',
  resources: 'spec.resources',
};
const KEPT_VOLUMES = new Set(['config', 'secrets', 'positions', 'dead-letters']);
const KEPT_FOLDERS = [CONFIG_FOLDER, SECRETS_FOLDER, POSITIONS_FOLDER, DEAD_LETTERS_FOLDER];

function keptFaults(stream: LogStream, spec: Json): OverlayFault[] {
  const at = `${ROOT}.spec`;
  const volumes = listIn(spec, 'volumes');
  return [
    ...elsewhere(spec, SAID_ELSEWHERE, at),
    ...needed(spec, ['restartPolicy'], at),
    ...volumes.flatMap(({ name }, i) =>
      KEPT_VOLUMES.has(name as string) ? [belongs(`${at}.volumes[${i}]`, name)] : [],
    ),
    ...listIn(spec, 'initContainers').flatMap(({ name }, i) =>
      name === CONTAINER ? [belongs(`${at}.initContainers[${i}]`, name)] : [],
    ),
    ...listIn(spec, 'containers').flatMap((container, i) =>
      container['name'] === CONTAINER
        ? containerFaults(stream, container, `${at}.containers[${i}]`)
        : portFaults(container, `${at}.containers[${i}]`),
    ),
  ];
}

function containerFaults(stream: LogStream, container: Json, at: string): OverlayFault[] {
  const kept = new Set(environmentOf(stream).map(({ name }) => name));
  return [
    ...elsewhere(container, CONTAINER_SAID_ELSEWHERE, at),
    ...needed(container, ['command', 'args'], at),
    ...listIn(container, 'env').flatMap(({ name }, i) => (kept.has(name) ? [belongs(`${at}.env[${i}]`, name)] : [])),
    ...listIn(container, 'volumeMounts').flatMap(({ mountPath }, i) =>
      KEPT_FOLDERS.some((folder) => overlaps(String(mountPath), folder))
        ? [belongs(`${at}.volumeMounts[${i}]`, mountPath)]
        : [],
    ),
    ...portFaults(container, at),
  ];
}

/** The probes and the PodMonitor know the port by its name. */
function portFaults(container: Json, at: string): OverlayFault[] {
  return listIn(container, 'ports').flatMap(({ name, containerPort }, i) =>
    containerPort === STATUS_PORT || name === 'http' ? [belongs(`${at}.ports[${i}]`, name ?? containerPort)] : [],
  );
}

/** One lies in the other. */
function overlaps(path: string, folder: string): boolean {
  const [one, other] = [`${path}/`, `${folder}/`].map((text) => text.replaceAll(/\/+/g, '/')) as [string, string];
  return one.startsWith(other) || other.startsWith(one);
}

const listIn = (group: Json, name: string): readonly Json[] => (group[name] ?? []) as readonly Json[];

const belongs = (field: string, name: unknown): OverlayFault => ({
  field,
  what: `${JSON.stringify(name)} belongs to the operator; choose another one`,
});

function elsewhere(group: Json, fields: Readonly<Record<string, string>>, at: string): OverlayFault[] {
  return Object.entries(fields)
    .filter(([name]) => Object.hasOwn(group, name))
    .map(([name, instead]) => ({ field: `${at}.${name}`, what: `is not taken from here; say it in ${instead}` }));
}

function needed(group: Json, fields: readonly string[], at: string): OverlayFault[] {
  return fields
    .filter((name) => Object.hasOwn(group, name))
    .map((name) => ({ field: `${at}.${name}`, what: 'is what the operator needs it to be; leave it out' }));
}
