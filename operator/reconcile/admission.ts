/** Whether the API server takes the changed Deployment of a reader and lets its pod in, asked before anything is changed for it: nothing is stored. */
import { KubeError, type KubeApi } from '../kube/api.ts';
import { applyObject, dryRunObject } from '../kube/apply.ts';
import { KINDS } from '../kube/kinds.ts';
import type { KubeObject } from '../kube/object.ts';
import { digest, holds } from './drift.ts';
import type { Problem } from './facts.ts';
import { refused } from './failures.ts';
import { isQuotaFull } from './quota.ts';

/** Of the template that was applied last. Not part of the hash of the whole: alone it is no reason to write. */
const TEMPLATE_ANNOTATION = 'kinlog.io/template-hash';

interface Template {
  readonly metadata?: Partial<KubeObject['metadata']>;
  readonly spec: object;
}

interface Deployment extends KubeObject {
  readonly spec: { readonly replicas?: number; readonly template: Template };
}

interface Change {
  /** As it is to be sent. */
  readonly desired: KubeObject;
  readonly live: KubeObject;
  /** Of the reader. */
  readonly pods: readonly KubeObject[];
}

/** Undefined: nothing is in the way, or no other pod is needed. Throws what may succeed later. */
export async function refusalOf(
  api: KubeApi,
  { desired, live, pods }: Change,
  signal: AbortSignal,
): Promise<{ readonly problem: Problem; readonly cause: unknown } | undefined> {
  const deployment = desired as Deployment;
  const { replicas = 1 } = deployment.spec;
  if (replicas === 0 || isSameTemplate(deployment, live as Deployment)) return undefined;
  const { name } = desired.metadata;
  // With what others have in it, and what a webhook has put there.
  let { template } = deployment.spec;
  try {
    const how = { force: true, dryRun: true } as const;
    ({ template } = (await applyObject(api, KINDS.deployment, deployment, how, signal)).spec);
  } catch (error) {
    if (!isNotAsked(error)) return refused(error, `Deployment ${name}`);
  }
  try {
    await dryRunObject(api, KINDS.pod, podOf(desired, template, live), signal);
  } catch (error) {
    if (isNotAsked(error) || hasRoomLater(error, { gone: pods, count: replicas })) return undefined;
    return refused(error, `Pod of Deployment ${name}`);
  }
  return undefined;
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
function podOf({ metadata }: KubeObject, template: Template, live: KubeObject): KubeObject {
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

const isNotAsked = (error: unknown): boolean => error instanceof KubeError && NOT_ASKED.test(error.message);

/** A quota is full only as long as the pods count that are to go. */
const hasRoomLater = (error: unknown, change: Parameters<typeof isQuotaFull>[1]): boolean =>
  error instanceof KubeError && error.sort === 'quota' && !isQuotaFull(error.message, change);
