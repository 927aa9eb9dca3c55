/** What a LogStream names without owning it: whether it is there, with the keys that are asked for, and a stamp that changes when a reader needs a new pod. */
import type { Clock } from '../../base/clock.ts';
import type { Caches, ReferenceKind } from '../caches.ts';
import type { Reference, Resolved } from '../desired/desired.ts';
import type { KubeApi } from '../kube/api.ts';
import { getIfThere } from '../kube/apply.ts';
import { KINDS } from '../kube/kinds.ts';
import { ofIam } from '../kube/list.ts';
import type { KubeObject } from '../kube/object.ts';
import type { LogStream } from '../logstream.ts';
import { digest } from './drift.ts';
import type { Problem } from './facts.ts';

/** Watched objects wake the LogStream by themselves; this is for a watch that is late. */
const MISSING_AGAIN_MS = 30_000;
/** How long an answer about an object that is not watched holds. */
const UNWATCHED_AGAIN_MS = 300_000;
const REMEMBERED = 20_000;

const KIND_OF = {
  Secret: 'secret',
  ConfigMap: 'configMap',
  ServiceAccount: 'serviceAccount',
  PersistentVolumeClaim: 'volumeClaim',
} as const satisfies Record<Reference['kind'], ReferenceKind>;

const MISSING = {
  Secret: 'SecretNotFound',
  ConfigMap: 'ConfigMapNotFound',
  ServiceAccount: 'ServiceAccountNotFound',
  PersistentVolumeClaim: 'VolumeClaimNotFound',
} as const satisfies Record<Reference['kind'], string>;

export interface Resolution {
  readonly resolved: Resolved;
  readonly problems: readonly Problem[];
  readonly requeueAfterMs?: number;
}

/** Key -> whether it holds anything. Values are never kept. */
type Keys = ReadonlyMap<string, boolean>;

interface Found {
  readonly uid: string;
  readonly resourceVersion: string;
  /** Of IAM; others may hold secrets. */
  readonly annotations: Readonly<Record<string, string>>;
}

export class References {
  readonly #api: KubeApi;
  readonly #caches: Caches;
  readonly #clock: Clock;
  /** By uid and resource version, least recently used first. */
  readonly #keys = new Map<string, Keys>();
  /** By name, of what is not watched. */
  readonly #asked = new Map<string, { readonly found: Found | undefined; readonly untilMs: number }>();

  constructor(parts: { api: KubeApi; caches: Caches; clock: Clock }) {
    this.#api = parts.api;
    this.#caches = parts.caches;
    this.#clock = parts.clock;
  }

  async resolve(stream: LogStream, references: readonly Reference[], signal: AbortSignal): Promise<Resolution> {
    const stamps = new Map<string, string>();
    const problems: Problem[] = [];
    const again: number[] = [];
    for (const reference of references) {
      const { problem, stamp, untilMs } = await this.#one(stream, reference, signal);
      if (problem !== undefined) problems.push(problem);
      if (stamp !== undefined) stamps.set(`${reference.kind}/${reference.name}`, stamp);
      if (untilMs !== undefined) again.push(Math.max(0, untilMs - this.#clock.monotonic()));
    }
    if (problems.length > 0) again.push(MISSING_AGAIN_MS);
    return { resolved: { stamps }, problems, ...(again.length > 0 && { requeueAfterMs: Math.min(...again) }) };
  }

  async #one(
    stream: LogStream,
    reference: Reference,
    signal: AbortSignal,
  ): Promise<{ problem?: Problem; stamp?: string; untilMs?: number }> {
    const { kind, name } = reference;
    const namespace = stream.metadata.namespace!;
    const cache = this.#caches.references[KIND_OF[kind]];
    const { found, untilMs } =
      cache === undefined
        ? await this.#ask(namespace, reference, signal)
        : { found: foundOf(cache.get(namespace, name)), untilMs: undefined };
    const again = untilMs === undefined ? {} : { untilMs };
    if (found === undefined) return { problem: missing(reference), ...again };
    if (kind === 'ServiceAccount') return { stamp: iamStamp(found), ...again };
    if (kind === 'PersistentVolumeClaim') return { stamp: found.uid, ...again };
    const keys = await this.#keysOf(namespace, reference, found, signal);
    if (keys === undefined) return { problem: missing(reference), ...again };
    const problem = keyProblem(reference, keys.keys);
    return { stamp: `${keys.uid}.${keys.resourceVersion}`, ...(problem && { problem }), ...again };
  }

  /** For what is not watched: one question by name, whose answer holds for minutes. */
  async #ask(
    namespace: string,
    { kind, name }: Reference,
    signal: AbortSignal,
  ): Promise<{ found: Found | undefined; untilMs: number }> {
    const key = `${kind}/${namespace}/${name}`;
    const known = this.#asked.get(key);
    if (known !== undefined && known.untilMs > this.#clock.monotonic()) return known;
    const object = await this.#get(namespace, kind, name, signal);
    const found = foundOf(object);
    if (object !== undefined) this.#rememberKeys(object);
    const answer = {
      found,
      untilMs: this.#clock.monotonic() + (found === undefined ? MISSING_AGAIN_MS : UNWATCHED_AGAIN_MS),
    };
    remember(this.#asked, key, answer);
    return answer;
  }

  async #keysOf(
    namespace: string,
    { kind, name }: Reference,
    found: Found,
    signal: AbortSignal,
  ): Promise<(Found & { keys: Keys }) | undefined> {
    const version = `${found.uid}.${found.resourceVersion}`;
    const known = this.#keys.get(version);
    if (known !== undefined) {
      remember(this.#keys, version, known);
      return { ...found, keys: known };
    }
    const object = await this.#get(namespace, kind, name, signal);
    // What was read may be newer than what the watch has told so far; its keys belong to its own version.
    return object === undefined ? undefined : { ...foundOf(object)!, keys: this.#rememberKeys(object) };
  }

  #get(namespace: string, kind: Reference['kind'], name: string, signal: AbortSignal): Promise<KubeObject | undefined> {
    return getIfThere(this.#api, KINDS[KIND_OF[kind]], { namespace, name }, signal);
  }

  #rememberKeys(object: KubeObject): Keys {
    const keys = keysIn(object);
    remember(this.#keys, `${object.metadata.uid!}.${object.metadata.resourceVersion!}`, keys);
    return keys;
  }
}

function foundOf(object: KubeObject | undefined): Found | undefined {
  if (object === undefined) return undefined;
  const { uid, resourceVersion, annotations } = object.metadata;
  return { uid: uid!, resourceVersion: resourceVersion!, annotations: ofIam(annotations) };
}

/** The newest of at most REMEMBERED entries. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > REMEMBERED) map.delete(map.keys().next().value!);
}

function keysIn(object: KubeObject): Keys {
  const { data, binaryData } = object as { data?: Record<string, string>; binaryData?: Record<string, string> };
  return new Map(Object.entries({ ...data, ...binaryData }).map(([key, value]) => [key, value !== '']));
}

/** A pod gets what they say at its birth only, so a change needs a new one. */
const iamStamp = ({ annotations }: Found): string => digest(annotations);

function missing({ kind, name, field }: Reference): Problem {
  return {
    reason: MISSING[kind],
    message: `${field}: ${kind} ${name} does not exist in this namespace. Create it, or name another one.`,
  };
}

function keyProblem({ kind, name, keys: wanted, field }: Reference, keys: Keys): Problem | undefined {
  const absent = wanted.filter((key) => !keys.has(key));
  const empty = wanted.filter((key) => keys.get(key) === false);
  if (absent.length + empty.length === 0) return undefined;
  const said = [
    ...(absent.length > 0 ? [`has no key ${absent.join(', ')}`] : []),
    ...(empty.length > 0 ? [`holds nothing under ${empty.join(', ')}`] : []),
  ];
  return {
    reason: MISSING[kind],
    message: `${field}: ${kind} ${name} ${said.join(' and ')}. Add it, or name another key.`,
  };
}
