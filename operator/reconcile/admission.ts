/** Whether the namespace would let the new pod of a reader in, asked before the one that runs is ended for it: nothing is stored. */
import { KubeError, type KubeApi } from '../kube/api.ts';
import { dryRunObject } from '../kube/apply.ts';
import { KINDS } from '../kube/kinds.ts';
import type { KubeObject } from '../kube/object.ts';
import { digest, holds } from './drift.ts';
import { isQuotaFull } from './quota.ts';

/** Of the template that was applied last. Not part of the hash of the whole: alone it is no reason to write. */
const TEMPLATE_ANNOTATION = 'kinlog.io/template-hash';

interface Deployment extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly template: { readonly metadata?: Partial<KubeObject['metadata']>; readonly spec: object };
  };
}

/** Throws the refusal, as KubeError. `pods`: of the reader. */
export async function checkAdmission(
  api: KubeApi,
  { desired, live }: { readonly desired: KubeObject; readonly live: KubeObject },
  pods: readonly KubeObject[],
  signal: AbortSignal,
): Promise<void> {
  const running = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const { replicas = 1 } = (desired as Deployment).spec;
  if (replicas === 0 || running.length === 0 || isSameTemplate(desired as Deployment, live as Deployment)) return;
  try {
    await dryRunObject(api, KINDS.pod, podOf(desired as Deployment, live), signal);
  } catch (error) {
    if (isRefusal(error, { gone: pods, count: Math.min(replicas, running.length) })) throw error;
  }
}

/** With what tells the next pass which template it is. */
export function withTemplateHash(object: KubeObject): KubeObject {
  const annotations = { ...object.metadata.annotations, [TEMPLATE_ANNOTATION]: templateHash(object as Deployment) };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

const templateHash = ({ spec }: Deployment): string => digest(spec.template);

/** By the hash, for what is sent no more; and by the fields, for what somebody has changed. */
const isSameTemplate = (desired: Deployment, live: Deployment): boolean =>
  live.metadata.annotations?.[TEMPLATE_ANNOTATION] === templateHash(desired) &&
  holds(desired.spec.template, live.spec.template, { name: 'template', within: 'spec' });

/** As the Deployment's controllers would make it. Its name is always the same, for it stands in what is answered, and that in a condition. */
function podOf({ metadata, spec: { template } }: Deployment, live: KubeObject): KubeObject {
  const { apiVersion, kind } = KINDS.deployment;
  // A policy may refuse pods that nobody owns.
  const owner = { apiVersion, kind, name: metadata.name, uid: live.metadata.uid!, controller: true };
  return {
    apiVersion: KINDS.pod.apiVersion,
    kind: KINDS.pod.kind,
    metadata: {
      ...template.metadata,
      namespace: metadata.namespace!,
      generateName: `${metadata.name}-`,
      name: `${metadata.name}-next`,
      ownerReferences: [owner],
    },
    spec: template.spec,
  } as KubeObject;
}

/** Webhooks with side effects are not asked on a dry run, and the API server says so: k8s.io/apiserver NewDryRunUnsupportedErr. */
const NOT_ASKED = /does not support dry run/;

function isRefusal(error: unknown, change: Parameters<typeof isQuotaFull>[1]): boolean {
  if (!(error instanceof KubeError)) return true;
  if (NOT_ASKED.test(error.message)) return false;
  return error.sort !== 'quota' || isQuotaFull(error.message, change);
}
