/** The life of one pod on its node: volumes, init containers, containers, status, and an end within its grace. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiFailure, type NodeApi } from './api.ts';
import { ContainerRun } from './container.ts';
import { environment, expand, fieldOf, NotYet } from './fields.ts';
import type { Image } from './images.ts';
import type { Sandboxed } from './sandbox.ts';
import { podStatus } from './status.ts';
import { now, type Container, type Pod, type PodCondition, type SecurityContext } from './types.ts';
import { Volumes } from './volumes.ts';

export interface NodeParts {
  readonly api: NodeApi;
  readonly nodeName: string;
  /** Folder of its pods. */
  readonly folder: string;
  /** Throws NotYet for an image that can not be had. */
  readonly image: (name: string) => Image;
  readonly syncMs: number;
  readonly backoffMs: { readonly first: number; readonly most: number };
  readonly periodFactor: number;
  /** Where pods find the API server. */
  readonly serviceHost: { readonly host: string; readonly port: string };
}

export class PodRun {
  #pod: Pod;
  readonly podIp: string;
  readonly folder: string;
  readonly #node: NodeParts;
  readonly #volumes: Volumes;
  readonly #init: readonly ContainerRun[];
  readonly #main: readonly ContainerRun[];
  readonly #startTime = now();
  readonly #stop = new AbortController();
  #ended = false;
  #because: { reason: string; message: string } | undefined;
  #waiting: { reason: string; message: string } | undefined;
  #conditions: readonly PodCondition[] = [];
  #reporting: Promise<void> | undefined;
  #again = false;
  #abandoned = false;
  readonly done: Promise<void>;

  constructor(pod: Pod, podIp: string, node: NodeParts) {
    this.#pod = pod;
    this.podIp = podIp;
    this.#node = node;
    this.folder = path.join(node.folder, pod.metadata.uid);
    mkdirSync(this.folder, { recursive: true });
    this.#volumes = new Volumes(pod, path.join(this.folder, 'volumes'), {
      api: node.api,
      field: (field) => this.#field(field),
    });
    this.#init = (pod.spec.initContainers ?? []).map((spec) =>
      this.#container(spec, pod.spec.restartPolicy === 'Never' ? 'Never' : 'OnFailure'),
    );
    this.#main = pod.spec.containers.map((spec) => this.#container(spec, pod.spec.restartPolicy));
    this.done = this.#live();
  }

  #isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** As the server has it now. What somebody else says of it there is put right: the controller-manager does so for a node that was silent. */
  see(pod: Pod): void {
    this.#pod = pod;
    const differs = this.#conditions.some(({ type, status }) =>
      pod.status?.conditions?.some((told) => told.type === type && told.status !== status),
    );
    if (differs) void this.#report();
  }

  get containers(): readonly ContainerRun[] {
    return [...this.#init, ...this.#main];
  }

  /** Asks it to end; a shorter grace than before counts. Resolves when nothing of it runs. */
  async end(graceMs: number, because?: { reason: string; message: string }): Promise<void> {
    this.#because ??= because;
    this.#stop.abort();
    await Promise.all(this.containers.map((container) => container.stop(graceMs)));
    await this.done;
  }

  /** Ends it at once and tells nobody. */
  async abandon(): Promise<void> {
    this.#abandoned = true;
    await this.end(0);
  }

  async #live(): Promise<void> {
    await this.#volumesReady();
    const refreshing = this.#refresh();
    for (const container of this.#init) {
      if (this.#isStopping()) break;
      await container.run();
      if (!('terminated' in container.state) || container.state.terminated.exitCode !== 0) this.#stop.abort();
    }
    if (!this.#isStopping()) await Promise.all(this.#main.map((container) => container.run()));
    this.#stop.abort();
    await refreshing;
    this.#ended = true;
    await this.#report();
  }

  async #volumesReady(): Promise<void> {
    while (!this.#isStopping()) {
      try {
        await this.#volumes.prepare();
        this.#waiting = undefined;
        return;
      } catch (error) {
        this.#waiting = { reason: 'ContainerCreating', message: error instanceof Error ? error.message : '' };
        await this.#report();
        await this.#pause();
      }
    }
  }

  async #refresh(): Promise<void> {
    while (!this.#isStopping()) {
      await this.#pause();
      if (!this.#isStopping()) await this.#volumes.refresh();
    }
  }

  async #pause(): Promise<void> {
    await sleep(this.#node.syncMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }

  #container(spec: Container, restartPolicy: Pod['spec']['restartPolicy']): ContainerRun {
    const { backoffMs, periodFactor } = this.#node;
    return new ContainerRun({
      ...{ spec, restartPolicy, backoffMs, periodFactor },
      podIp: this.podIp,
      folder: this.folder,
      next: () => this.#next(spec),
      changed: () => void this.#report(),
      graceMs: this.pod.spec.terminationGracePeriodSeconds * 1000,
    });
  }

  /** Throws NotYet. */
  async #next(spec: Container): Promise<Omit<Sandboxed, 'folder' | 'log'>> {
    const image = this.#node.image(spec.image);
    const security = { ...this.pod.spec.securityContext, ...spec.securityContext };
    const user = userOf(security, image);
    const env = await this.#environment(spec, image);
    const own = spec.command === undefined ? (image.command ?? []) : [];
    const command = [...(spec.command ?? image.entrypoint), ...(spec.args ?? own)];
    return {
      ...{ image, user, env },
      mounts: (spec.volumeMounts ?? []).map(({ name, subPath = '', mountPath, readOnly = false }) => ({
        source: path.join(this.#volumes.place(name), subPath),
        target: mountPath,
        readOnly,
      })),
      readOnlyRoot: security.readOnlyRootFilesystem ?? false,
      workingDir: spec.workingDir ?? image.workingDir ?? '/',
      command: command.map((word) => expand(word, env)),
    };
  }

  async #environment(spec: Container, image: Image): Promise<Record<string, string>> {
    const { host, port } = this.#node.serviceHost;
    const read = this.#volumes.read.bind(this.#volumes);
    return {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOSTNAME: this.pod.metadata.name,
      ...image.env,
      KUBERNETES_SERVICE_HOST: host,
      KUBERNETES_SERVICE_PORT: port,
      ...(await environment(spec, (field) => this.#field(field), read)),
    };
  }

  #field(field: string): string {
    return fieldOf(this.pod, { podIp: this.podIp, nodeName: this.#node.nodeName }, field);
  }

  /** One call at a time; whatever changes meanwhile is told by the next. */
  #report(): Promise<void> {
    if (this.#reporting !== undefined) {
      this.#again = true;
      return this.#reporting;
    }
    this.#reporting = this.#tell().finally(() => (this.#reporting = undefined));
    return this.#reporting;
  }

  async #tell(): Promise<void> {
    while (!this.#abandoned) {
      this.#again = false;
      const reported = { ...this.#facts(), pod: this.pod };
      const status = podStatus(reported, this.#conditions) as { conditions: PodCondition[] };
      this.#conditions = status.conditions;
      const { name, namespace, uid } = this.pod.metadata;
      try {
        await this.#node.api.call('PATCH', `/api/v1/namespaces/${namespace}/pods/${name}/status`, {
          metadata: { uid },
          status,
        });
      } catch (error) {
        // Gone, or another of the same name.
        if (error instanceof ApiFailure && [404, 409].includes(error.status)) return;
        this.#again = true;
        await sleep(this.#node.syncMs);
      }
      if (!this.#again) return;
    }
  }

  #facts() {
    return {
      podIp: this.podIp,
      startTime: this.#startTime,
      init: this.#init,
      main: this.#main,
      ended: this.#ended,
      because: this.#because,
      waiting: this.#waiting,
    };
  }
}

function userOf({ runAsUser, runAsNonRoot }: SecurityContext, image: Image): number {
  const user = runAsUser ?? image.user;
  if (runAsNonRoot === true && user === 0)
    throw new NotYet('CreateContainerConfigError', 'container has runAsNonRoot and image will run as root');
  return user;
}
