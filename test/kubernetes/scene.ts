/** The whole way on one machine: a control plane, nodes, the operator as it is installed, and both ends of it: a Kinesis, a DynamoDB, a HEC. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { indexedIn, type HecProcess } from '../fakes/hec/child.ts';
import type { SimulatorProcess } from '../fakes/kinesis/child.ts';
import type { Peer } from '../fakes/peers/process.ts';
import { until } from '../flow/cli-process.ts';
import { writesOf, type Write } from './audit-writes.ts';
import { builtFile } from './build.ts';
import { ControlPlane } from './controlplane.ts';
import { startEnds, stopEnds, type Ends } from './ends.ts';
import type { PodReport } from './kubelet/control.ts';
import { KubeletProcess } from './kubelet/child.ts';
import { checkoutImage, shippedImage, type Image } from './kubelet/images.ts';
import { Storage } from './storage.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const SYSTEM = 'kinlog-system';
const OPERATOR = `${SYSTEM}/kinlog-operator`;
export const TOKEN = '6a1c6d3e-0000-4000-8000-00000000feed';
const PUTS_AT_ONCE = 20;
const HOLLOW_NODE = 'hollow';
/** Members of a LogStream's spec whose reader is to run nowhere and be Ready. */
export const HOLLOW = {
  podTemplate: {
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': HOLLOW_NODE },
      tolerations: [{ key: 'kinlog.test/hollow', operator: 'Exists', effect: 'NoSchedule' }],
    },
  },
};

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly generation?: number;
    readonly resourceVersion?: string;
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}

export interface LogStream extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
  };
}

export interface Deployment {
  readonly metadata: { readonly generation: number };
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: { image: string; args: string[]; env: object[] }[] } };
  };
}

export interface SceneOptions {
  readonly nodes?: readonly string[];
  /** One more node, without processes, for pods that are asked there by `HOLLOW`. */
  readonly hollow?: boolean;
  /** How often the operator asks readers. */
  readonly statusSeconds?: number;
  /** Until a silent node counts as lost. */
  readonly nodeLostSeconds?: number;
  /** Further names of the image, as of other releases. */
  readonly alsoNamed?: readonly string[];
  /** Where pods find the API server, of which they are told its own address. */
  readonly podsApiServer?: (url: string) => string;
  /** Of another cluster, which is to be stopped after this one. Else it has its own. */
  readonly ends?: Ends;
}

/** Where a reader runs. */
export interface Placed {
  readonly node: KubeletProcess;
  readonly pod: PodReport;
}

export class Scene {
  readonly plane: ControlPlane;
  readonly nodes: readonly KubeletProcess[];
  readonly ends: Ends;
  /** Name of the image that operator and readers run from. */
  readonly image: string;
  readonly folder: string;
  readonly #storage: Storage;
  readonly #endsToo: boolean;
  #streams = 0;

  private constructor(parts: Parts) {
    this.plane = parts.plane;
    this.nodes = parts.nodes;
    this.ends = parts.ends;
    this.image = parts.image;
    this.folder = parts.folder;
    this.#storage = parts.storage;
    this.#endsToo = parts.endsToo;
  }

  static async start({
    nodes: full = ['node-a'],
    hollow = false,
    statusSeconds = 1,
    nodeLostSeconds = 20,
    podsApiServer = (url) => url,
    alsoNamed = [],
    ends: others,
  }: SceneOptions = {}): Promise<Scene> {
    const folder = mkdtempSync(path.join(tmpdir(), 'kinlog-scene-'));
    const names = hollow ? [...full, HOLLOW_NODE] : full;
    const [plane, ends] = await Promise.all([
      ControlPlane.start({ binary: builtFile(), nodes: names, nodeLostSeconds }),
      others ?? startEnds(folder, TOKEN),
    ]);
    const operator = operatorObjects(statusSeconds);
    const image = await imageFor(folder);
    const nodes = names.map(
      (name) =>
        new KubeletProcess({
          name,
          api: { server: plane.url, authority: plane.authority, token: `${name}-token` },
          images: Object.fromEntries([operator.image, ...alsoNamed].map((called) => [called, image])),
          folder: path.join(folder, name),
          hollow: name === HOLLOW_NODE,
          podsApiServer: podsApiServer(plane.url),
        }),
    );
    const storage = await Storage.start(plane);
    const endsToo = others === undefined;
    const scene = new Scene({ plane, nodes, ends, endsToo, folder, image: operator.image, storage });
    await scene.#install(operator).catch(async (error: unknown) => {
      const log = await nodes[0]!.log(OPERATOR).catch(() => 'has none');
      await scene.stop();
      throw new Error(`the operator does not start; its log: ${log.slice(-4000)}`, { cause: error });
    });
    return scene;
  }

  async #install({ first, others }: Operator): Promise<void> {
    await this.apply(...first);
    await this.waitFor('condition=Established', 'crd/logstreams.kinlog.io', SYSTEM);
    await this.apply(...others);
    await this.waitFor('condition=Available', 'deployment/kinlog-operator', SYSTEM);
  }

  async stop(): Promise<void> {
    await this.#storage.stop();
    await Promise.all(this.nodes.map((node) => node.close()));
    if (this.#endsToo) await stopEnds(this.ends);
    await this.plane.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get simulator(): SimulatorProcess {
    return this.ends.simulator;
  }

  get dynamo(): Peer {
    return this.ends.dynamo;
  }

  get hec(): HecProcess {
    return this.ends.hec;
  }

  async apply(...objects: readonly object[]): Promise<void> {
    const text = objects.map((object) => JSON.stringify(object)).join('\n---\n');
    await this.plane.kubectlAside(['apply', '--server-side', '-f', '-'], text);
  }

  /** A namespace with the Secrets that `logStream` names. */
  async namespace(name: string): Promise<string> {
    await this.apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
      secret(name, 'aws', { id: 'test', key: 'test' }),
      secret(name, 'splunk-hec', { token: TOKEN }),
    );
    return name;
  }

  async newStream(shards = 2): Promise<string> {
    const stream = `stream-${++this.#streams}`;
    await this.simulator.control({ do: 'create', stream, shards });
    return stream;
  }

  /** Read from its horizon, quick to look again, quick to store. `more`: further members of its spec. */
  logStream(namespace: string, stream: string, more: object = {}): KubeObject {
    return {
      apiVersion: 'kinlog.io/v1alpha1',
      kind: 'LogStream',
      metadata: { name: 'logs', namespace },
      spec: {
        source: {
          streamName: stream,
          region: 'us-east-1',
          endpoint: this.simulator.url,
          auth: { type: 'Secret', secretRef: { name: 'aws', accessKeyIdKey: 'id', secretAccessKeyKey: 'key' } },
          polling: { idleMilliseconds: 250 },
          startPosition: { type: 'TrimHorizon' },
        },
        checkpoint: {
          type: 'DynamoDB',
          intervalSeconds: 1,
          leasePeriodSeconds: 2,
          dynamoDB: { endpoint: this.dynamo.url },
        },
        outputs: [
          {
            name: 'splunk',
            type: 'SplunkHEC',
            splunkHEC: { urls: [this.hec.url], tokenSecretRef: { name: 'splunk-hec', key: 'token' } },
          },
        ],
        ...more,
      },
    };
  }

  /** Each text a record of its own, over all shards. */
  async put(stream: string, texts: readonly string[]): Promise<void> {
    for (let from = 0; from < texts.length; from += PUTS_AT_ONCE) {
      const some = texts.slice(from, from + PUTS_AT_ONCE);
      await Promise.all(some.map((text) => this.simulator.control({ do: 'put', stream, key: text, data: text })));
    }
  }

  /** Texts of what Splunk has, that begin so, in their order. */
  accepted(beginning: string): string[] {
    const events = indexedIn(this.ends.indexed).map(({ event }) => event as string);
    return events.filter((event) => event.startsWith(beginning));
  }

  /** Every text is in Splunk; answers how many came more than once. */
  async arrived(texts: readonly string[], beginning: string): Promise<number> {
    await until(() => {
      const there = new Set(this.accepted(beginning));
      return texts.every((text) => there.has(text));
    }, `${texts.length} events ${beginning}… accepted`);
    return this.accepted(beginning).length - texts.length;
  }

  async get<T = KubeObject>(kind: string, namespace: string, name: string): Promise<T> {
    return JSON.parse(await this.plane.kubectlAside(['-n', namespace, 'get', kind, name, '-o', 'json'])) as T;
  }

  /** `condition`: as `kubectl wait --for` takes it. */
  async waitFor(condition: string, object: string, namespace: string): Promise<void> {
    await this.plane.kubectlAside(['-n', namespace, 'wait', `--for=${condition}`, object, '--timeout=40s']);
  }

  /** Pods of readers of a LogStream that have a process on a node that is not frozen. */
  async readers(namespace: string, name = 'logs'): Promise<readonly Placed[]> {
    return this.#placed(`${namespace}/${name}-reader-`);
  }

  async reader(namespace: string, name = 'logs'): Promise<Placed> {
    const placed = await this.readers(namespace, name);
    if (placed.length !== 1) throw new Error(`${placed.length} readers of ${namespace}/${name}`);
    return placed[0]!;
  }

  async operator(): Promise<Placed> {
    const [placed] = await this.operators();
    return placed!;
  }

  /** Those that have a process. */
  operators(): Promise<readonly Placed[]> {
    return this.#placed(OPERATOR);
  }

  /** What the operator has written so far, without its lease and its events. */
  operatorWrites(): Write[] {
    return writesOf(this.plane.auditLog, `system:serviceaccount:${SYSTEM}:kinlog-operator`);
  }

  async #placed(beginning: string): Promise<readonly Placed[]> {
    const awake = this.nodes.filter(({ isFrozen }) => !isFrozen);
    const all = await Promise.all(awake.map(async (node) => (await node.pods()).map((pod) => ({ node, pod }))));
    return all.flat().filter(({ pod: { namespace, name, containers } }) => {
      return `${namespace}/${name}`.startsWith(beginning) && containers.some(({ pid }) => pid !== undefined);
    });
  }
}

export function secret(namespace: string, name: string, texts: Readonly<Record<string, string>>): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData: texts };
}

/** Without Debian's packages there is no image to be had; its programs run from their sources then. */
async function imageFor(folder: string): Promise<Image> {
  if (spawnSync('apt-get', ['--version']).error === undefined) return shippedImage();
  process.stderr.write('kubernetes: apt-get is missing, so pods run the sources instead of the image\n');
  return checkoutImage(folder);
}

interface Parts extends Pick<Scene, 'plane' | 'nodes' | 'ends' | 'image' | 'folder'> {
  readonly storage: Storage;
  /** They are this scene's own. */
  readonly endsToo: boolean;
}

interface Operator {
  readonly image: string;
  readonly first: readonly KubeObject[];
  readonly others: readonly KubeObject[];
}

/** What install.yaml holds; the operator listens on the address of its pod, because pods of several tests share one network here. */
function operatorObjects(statusSeconds: number): Operator {
  const text = readFileSync(path.join(ROOT, 'operator/deploy/install.yaml'), 'utf8');
  const objects = parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
  const isFirst = ({ kind }: KubeObject) => kind === 'CustomResourceDefinition' || kind === 'Namespace';
  const deployment = objects.find(({ kind }) => kind === 'Deployment') as unknown as Deployment;
  const container = deployment.spec.template.spec.containers[0]!;
  container.env.unshift({ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } });
  container.args = [
    ...container.args.filter((arg) => !arg.startsWith('--status-interval-seconds')),
    ...['--metrics-listen=$(POD_IP):8080', '--probes-listen=$(POD_IP):8081'],
    `--status-interval-seconds=${statusSeconds}`,
  ];
  return {
    image: container.image,
    first: objects.filter(isFirst),
    others: objects.filter((object) => !isFirst(object)),
  };
}
