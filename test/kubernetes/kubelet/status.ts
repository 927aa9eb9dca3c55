/** What a kubelet reports of a pod. */
import type { ContainerRun } from './container.ts';
import { now, type Phase, type Pod, type PodCondition } from './types.ts';

export interface Reported {
  readonly pod: Pod;
  readonly podIp: string;
  readonly startTime: string;
  readonly init: readonly ContainerRun[];
  readonly main: readonly ContainerRun[];
  /** It has ended, by itself or because it had to. */
  readonly ended: boolean;
  /** Why it was ended by the node, such as Evicted. */
  readonly because?: { readonly reason: string; readonly message: string } | undefined;
  readonly waiting?: { readonly reason: string; readonly message: string } | undefined;
}

/** `before`: conditions that were reported last, for the times of their changes. */
export function podStatus(reported: Reported, before: readonly PodCondition[]): object {
  const { pod, podIp, startTime, init, main, because } = reported;
  const initialized = init.every((container) => exitCode(container) === 0);
  const ready = !reported.ended && main.length > 0 && main.every((container) => container.ready);
  const on = (type: string, yes: boolean, reason?: string): PodCondition => {
    const status = yes ? 'True' : 'False';
    const old = before.find((condition) => condition.type === type);
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : now();
    // Null takes what was there away: the patch is merged.
    return { type, status, lastTransitionTime, reason: yes ? null : (reason ?? null) };
  };
  return {
    observedGeneration: pod.metadata.generation,
    phase: phase(reported),
    startTime,
    hostIP: '127.0.0.1',
    hostIPs: [{ ip: '127.0.0.1' }],
    podIP: podIp,
    podIPs: [{ ip: podIp }],
    ...because,
    conditions: [
      on('PodReadyToStartContainers', !reported.ended),
      on('Initialized', initialized, 'ContainersNotInitialized'),
      on('ContainersReady', ready, 'ContainersNotReady'),
      on('Ready', ready, 'ContainersNotReady'),
    ],
    ...(init.length === 0 ? {} : { initContainerStatuses: init.map((run) => containerStatus(run, reported)) }),
    containerStatuses: main.map((run) => containerStatus(run, reported)),
  };
}

function phase({ pod, main, init, ended, because }: Reported): Phase {
  if (because !== undefined) return 'Failed';
  const codes = main.map(exitCode);
  if (ended) return codes.every((code) => code === 0) ? 'Succeeded' : 'Failed';
  if (pod.spec.restartPolicy === 'Never' && init.some((run) => (exitCode(run) ?? 0) !== 0)) return 'Failed';
  const begun = main.some((run) => !('waiting' in run.state) || run.last !== undefined);
  return begun ? 'Running' : 'Pending';
}

function exitCode(run: ContainerRun): number | undefined {
  return 'terminated' in run.state ? run.state.terminated.exitCode : undefined;
}

function containerStatus(run: ContainerRun, { waiting }: Reported): object {
  const isNew = 'waiting' in run.state && run.last === undefined;
  return {
    name: run.spec.name,
    image: run.spec.image,
    imageID: isNew ? '' : run.spec.image,
    ready: run.ready,
    started: run.started,
    restartCount: run.restarts,
    state: isNew && waiting !== undefined ? { waiting } : run.state,
    lastState: run.last === undefined ? {} : { terminated: run.last },
  };
}
