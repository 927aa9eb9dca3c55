/** Whether what is there is what it should be: by a hash of what was sent, and by every field of it that the server still has. Pure. */
import { createHash } from 'node:crypto';
import { nanosOf } from '../desired/quantity.ts';
import type { KubeObject } from '../kube/object.ts';

export const HASH_ANNOTATION = 'kinlog.io/applied-hash';
const DIGITS = 16;

/** Of JSON, whatever the order of its members; absent members do not count. */
export function digest(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex').slice(0, DIGITS);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isGroup(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}

/** The same object with the hash of all that is sent of it. */
export function withHash<T extends KubeObject>(object: T): T {
  const { [HASH_ANNOTATION]: _old, ...annotations } = object.metadata.annotations ?? {};
  const bare = { ...object, metadata: { ...object.metadata, annotations } };
  return { ...bare, metadata: { ...bare.metadata, annotations: { ...annotations, [HASH_ANNOTATION]: digest(bare) } } };
}

/**
 * True when applying `desired`, which has its hash, would change nothing of ours: the hash tells that nothing is sent no more, the fields that nobody has changed
 * them since. What the server and others have added does not count.
 */
export function upToDate(desired: KubeObject, live: KubeObject): boolean {
  if (desired.kind === 'PersistentVolumeClaim') return claimUpToDate(desired, live);
  // Lists hand objects out without saying what they are.
  const { apiVersion: _version, kind: _kind, ...sent } = desired;
  return holds(sent, live, { name: '', within: '' });
}

/** What a claim was made with can not be changed any more, so only what can be counts: its size, which others may have let grow, and whose it is. */
function claimUpToDate(desired: KubeObject, live: KubeObject): boolean {
  const [wanted, there] = [sizeOf(desired), sizeOf(live)];
  const isLargeEnough = wanted === undefined || (there !== undefined && there >= wanted);
  const { annotations: _sent, ownerReferences = [], ...metadata } = desired.metadata;
  const isOwned = ownerReferences.length > 0 || !hasController(live);
  const whose = { ...metadata, ...(ownerReferences.length > 0 && { ownerReferences }) };
  // By the hash, of whatever, the operator knows a claim that it made and that a LogStream left behind.
  const isMarked = live.metadata.annotations?.[HASH_ANNOTATION] !== undefined;
  return isLargeEnough && isOwned && isMarked && holds(whose, live.metadata, { name: 'metadata', within: '' });
}

const hasController = ({ metadata }: KubeObject): boolean =>
  metadata.ownerReferences?.some(({ controller }) => controller === true) === true;

function sizeOf(claim: KubeObject): bigint | undefined {
  const { spec } = claim as { spec?: { resources?: { requests?: { storage?: unknown } } } };
  return nanosOf(spec?.resources?.requests?.storage);
}

interface Place {
  /** Of the member that holds the value. */
  readonly name: string;
  /** Of the member around that one. */
  readonly within: string;
}

/** Every field of `sent` is there. */
export function holds(sent: unknown, there: unknown, place: Place): boolean {
  if (sent === undefined || sent === null) return there === undefined || there === null || sent === undefined;
  if (Array.isArray(sent)) return listHolds(sent, there, place);
  if (isGroup(sent)) return groupHolds(sent, there, place);
  if (sent === there || isDropped(sent, there, place.name)) return true;
  return isQuantity(place) && sameAmount(sent, there);
}

function groupHolds(sent: Group, there: unknown, { name }: Place): boolean {
  // The server leaves empty groups out.
  if (there === undefined) return Object.values(sent).every((value) => isEmpty(value));
  if (!isGroup(there)) return false;
  return Object.entries(sent).every(([member, value]) =>
    holds(value, own(there, member), { name: member, within: name }),
  );
}

type Group = Readonly<Record<string, unknown>>;

const isGroup = (value: unknown): value is Group =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const own = (group: Group, member: string): unknown => (Object.hasOwn(group, member) ? group[member] : undefined);
const isEmpty = (value: unknown): boolean =>
  value === undefined || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);

/** Lists that several may have their items in, with what tells the items apart: `listMapKey` in k8s.io/api. All others belong to one as a whole. */
const SHARED_LISTS: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  volumes: ['name'],
  env: ['name'],
  imagePullSecrets: ['name'],
  resourceClaims: ['name'],
  ports: ['containerPort', 'protocol'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  hostAliases: ['ip'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
  ownerReferences: ['uid'],
};

function listHolds(sent: readonly unknown[], there: unknown, { name }: Place): boolean {
  if (there === undefined) return sent.length === 0;
  if (!Array.isArray(there)) return false;
  const live = there as readonly unknown[];
  const keys = Object.hasOwn(SHARED_LISTS, name) ? SHARED_LISTS[name]! : namedItems(sent);
  // Items have no name of their own, so that theirs is looked up by the list's.
  const place = { name: '', within: name };
  if (keys === undefined) return sent.length === live.length && sent.every((item, i) => holds(item, live[i], place));
  const among = byKey(live, keys[0]!);
  return sent.every((item) => among(item).some((other) => isSame(item, other, keys) && holds(item, other, place)));
}

/** Those that may be the same: a list has as many items as its owner likes, and each is looked for. */
function byKey(live: readonly unknown[], key: string): (sent: unknown) => readonly unknown[] {
  const keyed = Map.groupBy(live, (item) => keyOf(item, key));
  return (sent) => {
    const value = keyOf(sent, key);
    return value === undefined ? live : (keyed.get(value) ?? []);
  };
}

const keyOf = (item: unknown, key: string): unknown => (isGroup(item) ? own(item, key) : undefined);

/** A list that is newer than the operator: named things are told apart by their names. */
function namedItems(sent: readonly unknown[]): readonly string[] | undefined {
  return sent.length > 0 && sent.every((item) => isGroup(item) && typeof item['name'] === 'string')
    ? ['name']
    : undefined;
}

function isSame(sent: unknown, there: unknown, keys: readonly string[]): boolean {
  if (!isGroup(sent) || !isGroup(there)) return sent === there;
  return keys.every((key) => own(sent, key) === undefined || own(sent, key) === own(there, key));
}

/** Members that the server keeps without telling nothing from absent (`omitempty` of a plain value in k8s.io/api). */
const DROPPED_WHEN_ZERO = new Set([
  ...['hostNetwork', 'hostPID', 'hostIPC', 'readOnly', 'stdin', 'stdinOnce', 'tty', 'paused'],
  ...['initialDelaySeconds', 'minReadySeconds', 'hostPort', 'value', 'subPath', 'subPathExpr', 'workingDir'],
  ...['nodeName', 'hostname', 'subdomain', 'priorityClassName', 'medium', 'operator', 'key', 'effect'],
]);

const isDropped = (sent: unknown, there: unknown, name: string): boolean =>
  there === undefined && DROPPED_WHEN_ZERO.has(name) && (sent === false || sent === 0 || sent === '');

const AMOUNTS = new Set(['limits', 'requests', 'overhead']);
const isQuantity = ({ name, within }: Place): boolean =>
  AMOUNTS.has(within) || name === 'sizeLimit' || name === 'divisor';

function sameAmount(sent: unknown, there: unknown): boolean {
  const amount = nanosOf(sent);
  return amount !== undefined && amount === nanosOf(there);
}
