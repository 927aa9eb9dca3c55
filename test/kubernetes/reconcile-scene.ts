/** A control plane with the shipped resource and role and a node whose pods are Ready at once: the cluster as a reconcile sees it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { KINDS } from '../../operator/kube/kinds.ts';
import { pathOf } from '../../operator/kube/list.ts';
import type { KubeObject, ResourceKind } from '../../operator/kube/object.ts';
import type { LogStream } from '../../operator/logstream.ts';
import { until } from '../flow/cli-process.ts';
import { builtFile } from './build.ts';
import { ControlPlane } from './controlplane.ts';
import { Kubelet } from './kubelet/kubelet.ts';
import { OperatorHere, type OperatorHereOptions } from './operator-here.ts';
import { Storage } from './storage.ts';

const INSTALL = new URL('../../operator/deploy/install.yaml', import.meta.url);
const NODE = 'node-a';
/** Everything that is made for a LogStream. */
export const CHILDREN = [
  KINDS.serviceAccount,
  KINDS.configMap,
  KINDS.volumeClaim,
  KINDS.deployment,
  KINDS.podDisruptionBudget,
  KINDS.job,
] as const;
const SETTLE_MS = 30_000;

export class ReconcileScene {
  readonly plane: ControlPlane;
  readonly #kubeconfig: string;
  readonly #folder: string;
  readonly #node: Kubelet;
  readonly #storage: Storage;
  readonly #operators: OperatorHere[] = [];
  #namespaces = 0;

  private constructor(parts: {
    plane: ControlPlane;
    kubeconfig: string;
    folder: string;
    node: Kubelet;
    storage: Storage;
  }) {
    this.plane = parts.plane;
    this.#kubeconfig = parts.kubeconfig;
    this.#folder = parts.folder;
    this.#node = parts.node;
    this.#storage = parts.storage;
  }

  static async start(): Promise<ReconcileScene> {
    const plane = await ControlPlane.start({ binary: builtFile(), nodes: [NODE] });
    const folder = mkdtempSync(path.join(tmpdir(), 'kinlog-reconcile-'));
    const objects = parseAllDocuments(readFileSync(INSTALL, 'utf8')).map((document) => document.toJS() as KubeObject);
    const withoutPods = objects.filter(({ kind }) => kind !== 'Deployment' && kind !== 'Service');
    const text = withoutPods.map((object) => JSON.stringify(object)).join('\n---\n');
    await plane.kubectlAside(['apply', '--server-side', '-f', '-'], text);
    await plane.kubectlAside(['wait', '--for=condition=Established', 'crd/logstreams.kinlog.io', '--timeout=30s']);
    const token = await plane.kubectlAside(['-n', 'kinlog-system', 'create', 'token', 'kinlog-operator']);
    const api = { server: plane.url, authority: plane.authority, token: `${NODE}-token` };
    const node = new Kubelet({ name: NODE, api, folder: path.join(folder, NODE), images: {}, hollow: true });
    // Its taint keeps pods away that know nothing of hollow nodes, and here are no others.
    const where = `/api/v1/nodes/${NODE}`;
    const untaint = () => plane.call('PATCH', where, { spec: { taints: null } }, 'application/merge-patch+json');
    await until(() => untaint().then(Boolean, () => false), `${NODE} there`);
    const kubeconfig = plane.kubeconfigFor('operator', token.trim());
    return new ReconcileScene({ plane, kubeconfig, folder, node, storage: await Storage.start(plane) });
  }

  async stop(): Promise<void> {
    await this.endOperators();
    await this.#storage.stop();
    await this.#node.close();
    await this.plane.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async operator(options: OperatorHereOptions = {}): Promise<OperatorHere> {
    const operator = await OperatorHere.start(this.#kubeconfig, options);
    this.#operators.push(operator);
    return operator;
  }

  async endOperators(): Promise<void> {
    await Promise.all(this.#operators.splice(0).map((operator) => operator.kill()));
  }

  /** With the Secret that `create` names; pods can be made in it. */
  async namespace(): Promise<string> {
    const name = `logs-${++this.#namespaces}`;
    await this.plane.call('POST', '/api/v1/namespaces', { metadata: { name } });
    await this.secret(name, 'first');
    await until(() => this.get({ ...KINDS.serviceAccount }, name, 'default').then(Boolean), `accounts in ${name}`);
    return name;
  }

  async secret(namespace: string, token: string): Promise<void> {
    const object = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace, name: 'splunk' },
      data: { token: Buffer.from(token).toString('base64') },
    };
    await this.#apply(KINDS.secret, object);
  }

  /** Applied as by kubectl: what an earlier call said and this one does not goes. */
  async create(namespace: string, spec: object = {}, name = 'orders'): Promise<void> {
    const { apiVersion, kind } = KINDS.logStream;
    const object = { apiVersion, kind, metadata: { namespace, name }, spec: { ...SPEC, ...spec } };
    await this.#apply(KINDS.logStream, object);
  }

  async get<T = KubeObject>(kind: ResourceKind, namespace: string, name: string): Promise<T | undefined> {
    const items = await this.list<T & KubeObject>(kind, namespace);
    return items.find(({ metadata }) => metadata.name === name);
  }

  async list<T extends KubeObject>(kind: ResourceKind, namespace: string): Promise<T[]> {
    const { items } = await this.plane.call<{ items: T[] }>('GET', pathOf(kind, namespace));
    return items;
  }

  stream(namespace: string, name = 'orders'): Promise<LogStream | undefined> {
    return this.get<LogStream>(KINDS.logStream, namespace, name);
  }

  /** By whoever else there is; a merge patch. */
  async patch(kind: ResourceKind, namespace: string, name: string, patch: object): Promise<void> {
    await this.plane.call('PATCH', pathOf(kind, namespace, name), patch, 'application/merge-patch+json');
  }

  async delete(kind: ResourceKind, namespace: string, name: string, propagationPolicy = 'Background'): Promise<void> {
    await this.plane.call('DELETE', pathOf(kind, namespace, name), { propagationPolicy });
  }

  /** Its newest spec is brought about, as `reason` says. */
  async reached(namespace: string, reason: string, name = 'orders'): Promise<LogStream> {
    let last: LogStream | undefined;
    await until(
      async () => {
        last = await this.stream(namespace, name);
        const ready = last?.status?.conditions?.find(({ type }) => type === 'Ready');
        return ready?.reason === reason && last?.status?.observedGeneration === last?.metadata.generation;
      },
      `${namespace}/${name} ${reason}`,
      SETTLE_MS,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${JSON.stringify(last?.status)}`);
    });
    return last!;
  }

  async gone(namespace: string, name = 'orders'): Promise<void> {
    await until(async () => (await this.stream(namespace, name)) === undefined, `${namespace}/${name} gone`, SETTLE_MS);
  }

  /** No operator has anything to do, and no child is about to go. */
  async settled(namespace: string): Promise<void> {
    await until(async () => {
      if (!this.#operators.every((operator) => operator.isIdle)) return false;
      const jobs = await this.list(KINDS.job, namespace);
      return jobs.length === 0 && this.#operators.every((operator) => operator.isIdle);
    }, `${namespace} settled`);
  }

  /** What is in it is not looked at any more. */
  async forget(namespace: string): Promise<void> {
    for (const { metadata } of await this.list(KINDS.logStream, namespace)) {
      await this.patch(KINDS.logStream, namespace, metadata.name, { metadata: { finalizers: null } });
      await this.delete(KINDS.logStream, namespace, metadata.name);
    }
    await this.plane.call('DELETE', `/api/v1/namespaces/${namespace}`);
  }

  /** Everything that was made for its LogStreams, without what differs from one cluster to the next. */
  async state(namespace: string): Promise<Record<string, unknown>> {
    const lists = await Promise.all(CHILDREN.map((kind) => this.list(kind, namespace)));
    const ours = lists.flat().filter(({ metadata }) => metadata.labels?.['kinlog.io/logstream'] !== undefined);
    const stream = await this.stream(namespace);
    return {
      ...Object.fromEntries(
        CHILDREN.flatMap((kind, i) =>
          lists[i]!.filter((one) => ours.includes(one)).map((one) => [
            `${kind.kind}/${one.metadata.name}`,
            essence(one, namespace),
          ]),
        ),
      ),
      finalizers: stream?.metadata.finalizers ?? [],
      conditions: stream?.status?.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`).sort(),
    };
  }

  async #apply(kind: ResourceKind, object: KubeObject): Promise<void> {
    const { namespace, name } = object.metadata;
    const where = `${pathOf(kind, namespace, name)}?fieldManager=person&force=true`;
    await this.plane.call('PATCH', where, object, 'application/apply-patch+yaml');
  }
}

function essence(object: KubeObject, namespace: string): unknown {
  const { metadata, spec, data } = object as KubeObject & { spec?: unknown; data?: unknown };
  const { name, labels, annotations = {}, ownerReferences } = metadata;
  // Those of the cluster's own controllers, a generation and hashes over uids tell nothing of what it came to.
  const notes = Object.entries(annotations).filter(([key]) => key.startsWith('kinlog.io/') && !PASSING.includes(key));
  const owners = ownerReferences?.map(({ kind, name: owner, controller }) => ({ kind, owner, controller }));
  const text = JSON.stringify({ name, labels, notes, owners, spec, data });
  return JSON.parse(text.replaceAll(namespace, 'NAMESPACE').replace(OF_ONE_CLUSTER, '"$1":""'));
}

const PASSING = ['kinlog.io/generation', 'kinlog.io/applied-hash', 'kinlog.io/template-hash'];
/** Hashes over the namespace or over uids, and names of volumes. */
const OF_ONE_CLUSTER = /"(kinlog.io\/references|kinlog.io\/config-hash|volumeName)":"[^"]*"/g;

export const SPEC = {
  source: { streamName: 'orders', region: 'eu-central-1' },
  checkpoint: { type: 'DynamoDB' },
  outputs: [
    {
      name: 'splunk',
      type: 'SplunkHEC',
      splunkHEC: { urls: ['https://splunk:8088'], tokenSecretRef: { name: 'splunk', key: 'token' } },
    },
  ],
};
