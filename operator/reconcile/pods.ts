/** The pods of each LogStream, found without walking through those of all others. */
import { STREAM_LABEL } from '../desired/names.ts';
import type { Cache } from '../kube/cache.ts';
import type { KubeObject } from '../kube/object.ts';
import type { LogStream } from '../logstream.ts';
import { workloadFacts } from './workload.ts';

/** Past its grace. */
const LOST_MS = 60_000;
const JOB_LABEL = 'batch.kubernetes.io/job-name';

export class Pods {
  /** By namespace and LogStream. */
  readonly #pods = new Map<string, Map<string, KubeObject>>();

  /** To be made before the cache is filled. */
  constructor(cache: Cache<KubeObject>) {
    cache.onChange(({ type, object, before }) => {
      if (before !== undefined) this.#drop(before);
      if (type !== 'deleted') this.#keep(object);
    });
  }

  /** Of its reader, whichever workload made them; also those that are about to go, but not what an eviction leaves behind, for days. */
  ofReader({ metadata }: LogStream): readonly KubeObject[] {
    return this.#of(metadata).filter((pod) => pod.metadata.labels?.[JOB_LABEL] === undefined && !hasEnded(pod));
  }

  /** Readers that may still read: not those whose node is lost, as far as anybody can tell, for they may never go. */
  mayRead(stream: LogStream, nowMs: number): readonly KubeObject[] {
    const pods = this.ofReader(stream);
    const facts = workloadFacts(undefined, pods, nowMs)?.pods ?? [];
    return pods.filter((_, i) => {
      const { terminating } = facts[i]!;
      return terminating === undefined || nowMs < terminating.sinceMs + terminating.graceMs + LOST_MS;
    });
  }

  ofJob({ metadata }: LogStream, job: string): readonly KubeObject[] {
    return this.#of(metadata).filter((pod) => pod.metadata.labels?.[JOB_LABEL] === job);
  }

  #of({ namespace, name }: KubeObject['metadata']): readonly KubeObject[] {
    return [...(this.#pods.get(`${namespace ?? ''}/${name}`)?.values() ?? [])];
  }

  #keep(pod: KubeObject): void {
    const key = keyOf(pod);
    if (key === undefined) return;
    const pods = this.#pods.get(key) ?? new Map<string, KubeObject>();
    this.#pods.set(key, pods.set(pod.metadata.uid!, pod));
  }

  #drop(pod: KubeObject): void {
    const key = keyOf(pod);
    if (key === undefined) return;
    this.#pods.get(key)?.delete(pod.metadata.uid!);
    if (this.#pods.get(key)?.size === 0) this.#pods.delete(key);
  }
}

interface Container {
  readonly resources?: object | undefined;
}

interface Pod extends KubeObject {
  readonly spec?: {
    readonly serviceAccountName?: string | undefined;
    readonly overhead?: object | undefined;
    readonly containers?: readonly Container[] | undefined;
    readonly initContainers?: readonly Container[] | undefined;
  };
  readonly status?: {
    readonly phase?: string | undefined;
    readonly podIP?: string | undefined;
    readonly conditions?: readonly object[] | undefined;
    readonly containerStatuses?: readonly object[] | undefined;
  };
}

/** What is looked at of a pod; the rest of 5,000 readers takes 30 MiB. */
export function worthOfPod(pod: KubeObject): KubeObject {
  const { spec = {}, status = {}, ...rest } = pod as Pod;
  const { serviceAccountName, overhead, containers, initContainers } = spec;
  const { phase, podIP, conditions, containerStatuses } = status;
  const resources = (list: readonly Container[] | undefined) =>
    list?.map((container) => ({ resources: container.resources }));
  const kept: Pod = {
    ...rest,
    spec: {
      serviceAccountName,
      overhead,
      containers: resources(containers),
      initContainers: resources(initContainers),
    },
    status: { phase, podIP, conditions, containerStatuses },
  };
  return kept;
}

/** Its containers have ended and are never started again: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase */
function hasEnded(pod: KubeObject): boolean {
  const { phase } = (pod as Pod).status ?? {};
  return phase === 'Failed' || phase === 'Succeeded';
}

function keyOf({ metadata }: KubeObject): string | undefined {
  const stream = metadata.labels?.[STREAM_LABEL];
  return stream === undefined ? undefined : `${metadata.namespace ?? ''}/${stream}`;
}
