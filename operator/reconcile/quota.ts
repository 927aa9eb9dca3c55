/** Whether a ResourceQuota leaves room for pods once others have gone, by what the API server says about it; pure. */
import { nanosOf } from '../desired/quantity.ts';
import type { KubeObject } from '../kube/object.ts';

/** `exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1`: k8s.io/apiserver plugin/pkg/admission/resourcequota. */
const EXCEEDED = /exceeded quota: .*?, requested: ([^ ]+), used: ([^ ]+), limited: ([^ ]+)/;
const ONE = 1_000_000_000n;

/** `gone`: pods that make room, `count`: of pods that need it. What can not be understood is a refusal. */
export function isQuotaFull(
  message: string,
  { gone, count }: { readonly gone: readonly KubeObject[]; readonly count: number },
): boolean {
  const said = EXCEEDED.exec(message);
  if (said === null) return true;
  const [requested, used, limited] = said.slice(1).map(amountsOf) as [Amounts, Amounts, Amounts];
  return [...requested].some(([resource, each]) => {
    const [before, limit] = [used.get(resource), limited.get(resource)];
    if (each === undefined || before === undefined || limit === undefined) return true;
    const freed = gone.reduce((sum, pod) => sum + usageOf(pod, resource), 0n);
    const others = before > freed ? before - freed : 0n;
    return others + each * BigInt(count) > limit;
  });
}

type Amounts = ReadonlyMap<string, bigint | undefined>;

const amountsOf = (text: string): Amounts =>
  new Map(
    text.split(',').map((part) => {
      const at = part.lastIndexOf('=');
      return [part.slice(0, at), nanosOf(part.slice(at + 1))];
    }),
  );

interface Container {
  readonly resources?: Partial<Record<string, Readonly<Record<string, unknown>>>>;
}

interface PodSpec {
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly overhead?: Readonly<Record<string, unknown>>;
}

/** Rather too much than too little, so that nothing is held up that would fit: containers that run one after the other count, too. */
function usageOf(pod: KubeObject, resource: string): bigint {
  if (resource === 'pods' || resource === 'count/pods') return ONE;
  const [, kind = 'requests', name] = /^(?:(requests|limits)\.)?(.*)$/.exec(resource)! as unknown as [
    string,
    string?,
    string?,
  ];
  const { containers = [], initContainers = [], overhead = {} } = (pod as { spec?: PodSpec }).spec ?? {};
  const amounts = [...containers, ...initContainers].map(({ resources }) => resources?.[kind]?.[name!]);
  return [...amounts, overhead[name!]].reduce<bigint>((sum, amount) => sum + (nanosOf(amount) ?? 0n), 0n);
}
