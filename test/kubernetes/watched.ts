/** One LogStream as its owner sees it: what is applied, what tools conclude from its status, which pods there are. */
import { expect } from 'vitest';
import { KINDS } from '../../operator/kube/kinds.ts';
import { pathOf } from '../../operator/kube/list.ts';
import type { KubeObject, ResourceKind } from '../../operator/kube/object.ts';
import type { LogStream } from '../../operator/logstream.ts';
import { until } from '../flow/cli-process.ts';
import { kstatus, waitSettles, type KStatus, type Read } from '../unit/operator/status/tools.ts';
import type { ControlPlane } from './controlplane.ts';
import { merged, type Change } from './crd-change.ts';
import { HOLLOW, TOKEN, type Scene } from './scene.ts';

/** On a machine that has much else to do. */
const SETTLE_MS = 60_000;
const APPLY = 'application/apply-patch+yaml';

export interface Told {
  readonly reason: string;
  readonly as: KStatus;
  /** Of the condition Ready. */
  readonly ready?: 'True' | 'False';
  /** Stand in the message. */
  readonly words: readonly string[];
}

/** Of a kind that is known. */
interface Sent {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly [field: string]: unknown;
}

/** As a person applies it; answers what is stored. */
function apply<T extends KubeObject>(plane: ControlPlane, kind: ResourceKind, object: Sent): Promise<T> {
  const { namespace, name } = object.metadata;
  const where = `${pathOf(kind, namespace, name)}?fieldManager=person&force=true`;
  return plane.call<T>('PATCH', where, { ...object, apiVersion: kind.apiVersion, kind: kind.kind }, APPLY);
}

/** Makes it, or puts other texts in the place of what it holds. */
export async function secretWith(
  plane: ControlPlane,
  { namespace, name }: { namespace: string; name: string },
  texts: Readonly<Record<string, string>>,
): Promise<void> {
  const data = Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
  await apply(plane, KINDS.secret, { metadata: { namespace, name }, data });
}

/** With the Secrets that `Scene.logStream` names; pods can be made in it. */
export async function namespaceWith(
  { plane }: Scene,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<string> {
  await plane.call('POST', '/api/v1/namespaces', { metadata: { name, labels } });
  await secretWith(plane, { namespace: name, name: 'aws' }, { id: 'test', key: 'test' });
  await secretWith(plane, { namespace: name, name: 'splunk-hec' }, { token: TOKEN });
  const account = pathOf(KINDS.serviceAccount, name, 'default');
  await until(() => plane.call('GET', account).then(Boolean, () => false), `accounts in ${name}`);
  return name;
}

export class Watched {
  readonly name: string;
  readonly namespace: string;
  readonly #plane: ControlPlane;
  readonly #spec: unknown;

  /** `spec`: of the one that runs. */
  constructor(plane: ControlPlane, { namespace, name }: { namespace: string; name: string }, spec: unknown) {
    this.#plane = plane;
    this.namespace = namespace;
    this.name = name;
    this.#spec = spec;
  }

  /** Its reader runs nowhere and is Ready at once. */
  static hollow(scene: Scene, namespace: string, name: string, change: Change = {}): Watched {
    const { plane } = scene;
    const { spec } = scene.logStream(namespace, name, HOLLOW) as unknown as { spec: unknown };
    return new Watched(plane, { namespace, name }, merged(spec, change));
  }

  static real(
    scene: Scene,
    { namespace, name, stream }: { namespace: string; name: string; stream: string },
    change: Change = {},
  ): Watched {
    const { spec } = scene.logStream(namespace, stream) as unknown as { spec: unknown };
    return new Watched(scene.plane, { namespace, name }, merged(spec, change));
  }

  /** Merged into the spec that it was made with; without: as that was. */
  apply(change: Change = {}): Promise<LogStream> {
    const { namespace, name } = this;
    return apply(this.#plane, KINDS.logStream, { metadata: { namespace, name }, spec: merged(this.#spec, change) });
  }

  read(): Promise<LogStream> {
    return this.#plane.call('GET', pathOf(KINDS.logStream, this.namespace, this.name));
  }

  /** Until tools see exactly this; then every word must be in what is said. */
  async says({ reason, as, ready, words }: Told): Promise<string> {
    let stream: LogStream | undefined;
    const isSaid = (): boolean => {
      const found = conditionOf(stream!, 'Ready');
      return found?.reason === reason && kstatus(seen(stream!)) === as && (ready ?? found.status) === found.status;
    };
    await until(
      async () => {
        stream = await this.read();
        return isSaid();
      },
      `${this.name} ${reason} as ${as}`,
      SETTLE_MS,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}; it says ${JSON.stringify(stream?.status)}`);
    });
    const message = conditionOf(stream!, 'Ready')!.message;
    for (const word of words) expect(message).toContain(word);
    return message;
  }

  /** The newest spec is not what runs, and the reader of the one before goes on: nobody who waits for it is told that it is done. */
  async saysBesides(told: Omit<Told, 'ready'>): Promise<string> {
    const message = await this.says({ ...told, ready: 'True' });
    expect(message).toContain('The reader that runs goes on');
    expect(waitSettles(seen(await this.read()), 'Ready')).toBe(false);
    return message;
  }

  /** Without anybody's doing. */
  async heals(): Promise<void> {
    await this.says({ reason: 'Running', as: 'Current', ready: 'True', words: [] });
    expect(waitSettles(seen(await this.read()), 'Ready')).toBe(true);
  }

  /** Uids of what reads for it, or would. */
  async pods(): Promise<string[]> {
    const where = `${pathOf(KINDS.pod, this.namespace)}?labelSelector=kinlog.io%2Flogstream%3D${this.name}`;
    const { items } = await this.#plane.call<{ items: KubeObject[] }>('GET', where);
    return items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.uid!);
  }
}

export const seen = ({ metadata, status }: LogStream): Read => ({ generation: metadata.generation!, status });

export const conditionOf = ({ status }: LogStream, type: string) =>
  status?.conditions?.find((condition) => condition.type === type);
