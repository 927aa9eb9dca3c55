/** Whose an object is that bears the name of a child: nothing of anybody else's is ever written or deleted. */
import { MANAGED, STREAM_LABEL } from '../desired/names.ts';
import type { KubeObject } from '../kube/object.ts';
import { GROUP, KIND, type LogStream } from '../logstream.ts';
import { HASH_ANNOTATION } from './drift.ts';

/**
 * `ours`: its controller is this LogStream; `left`: made by the operator for a LogStream of this name and without a controller now, as a kept claim
 * and what `kubectl delete --cascade=orphan` leaves; `former`: of an earlier LogStream of this name, the garbage collector is about to remove it; `foreign`: anything else.
 */
export type Ownership = 'ours' | 'left' | 'former' | 'foreign';

export function ownershipOf(object: KubeObject, stream: LogStream): Ownership {
  const controller = object.metadata.ownerReferences?.find((owner) => owner.controller === true);
  if (controller === undefined) return isLeft(object, stream) ? 'left' : 'foreign';
  if (controller.uid === stream.metadata.uid) return 'ours';
  const isOfAnEarlierOne =
    controller.kind === KIND &&
    controller.apiVersion.startsWith(`${GROUP}/`) &&
    controller.name === stream.metadata.name;
  return isOfAnEarlierOne ? 'former' : 'foreign';
}

export const isOf = (object: KubeObject, stream: LogStream): boolean =>
  ['ours', 'left'].includes(ownershipOf(object, stream));

/** Labels alone can be copied with a manifest by accident; together with the annotation they say that the operator wrote it. */
function isLeft({ metadata }: KubeObject, stream: LogStream): boolean {
  return (
    metadata.labels?.[MANAGED.label] === MANAGED.value &&
    metadata.labels[STREAM_LABEL] === stream.metadata.name &&
    metadata.annotations?.[HASH_ANNOTATION] !== undefined
  );
}

/** For a person who finds it in the way. */
export function ownerOf(object: KubeObject): string {
  const controller = object.metadata.ownerReferences?.find((owner) => owner.controller === true);
  return controller === undefined ? 'nobody' : `${controller.kind} ${controller.name}`;
}
