/** What a test tells a node that runs as a process of its own, and what that answers. */
import type { Kubelet } from './kubelet.ts';

/** `pod`: `namespace/name`, or its beginning when only one pod has it. */
export type Command =
  /** Answers `PodReport[]`. */
  | { readonly do: 'pods' }
  /** To the program of a container, the first without one. */
  | { readonly do: 'kill'; readonly pod: string; readonly container?: string; readonly signal: NodeJS.Signals }
  /** As the kernel ends the program of the first container when its memory is used up. */
  | { readonly do: 'out-of-memory'; readonly pod: string }
  | { readonly do: 'evict'; readonly pod: string }
  /** Whether an image can be had. */
  | { readonly do: 'image'; readonly name: string; readonly there: boolean }
  /** While it is stuck, its deletion is not obeyed. */
  | { readonly do: 'stick'; readonly pod: string; readonly stuck: boolean };

export interface PodReport {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly podIp: string;
  readonly containers: readonly ContainerReport[];
}

export interface ContainerReport {
  readonly name: string;
  readonly pid: number | undefined;
  readonly restarts: number;
  readonly ready: boolean;
  /** File with what its newest process wrote. */
  readonly log: string;
}

export async function obey(kubelet: Kubelet, command: Command): Promise<unknown> {
  switch (command.do) {
    case 'pods':
      return kubelet.pods.map(report);
    case 'kill': {
      const { containers } = kubelet.pod(command.pod);
      const wanted = containers.find(({ spec }) => spec.name === (command.container ?? spec.name));
      if (wanted?.pid === undefined) throw new RangeError(`nothing runs in ${command.pod}`);
      wanted.kill(command.signal);
      return undefined;
    }
    case 'out-of-memory':
      kubelet.pod(command.pod).containers[0]!.endFor('OOMKilled');
      return undefined;
    case 'evict':
      return kubelet.evict(command.pod);
    case 'image':
      kubelet.image(command.name, command.there);
      return undefined;
    case 'stick':
      kubelet.stick(command.pod, command.stuck);
      return undefined;
  }
}

function report({ pod, podIp, containers }: Kubelet['pods'][number]): PodReport {
  const { namespace, name, uid } = pod.metadata;
  return {
    ...{ namespace, name, uid, podIp },
    containers: containers.map(({ spec, pid, restarts, ready, log }) => ({
      ...{ name: spec.name, pid, restarts, ready, log },
    })),
  };
}
