/** What the children of a LogStream are called, and how they are found again. */
import type { KubeObject, OwnerReference } from '../kube/object.ts';
import { GROUP, KIND, VERSION, type LogStream } from '../logstream.ts';

/** As it goes to the server: JSON with whatever a kind has besides its metadata. */
export type Child = KubeObject & Readonly<Record<string, unknown>>;

interface Label {
  readonly label: string;
  readonly value: string;
}

/** On everything that the operator makes. */
export const MANAGED: Label = { label: 'app.kubernetes.io/managed-by', value: 'kinlog-operator' };
/** On the pods of readers and of their Jobs. */
export const READER: Label = { label: 'app.kubernetes.io/name', value: 'kinlog-reader' };
/** The name of the LogStream, on each child and on its pods. */
export const STREAM_LABEL = `${GROUP}/logstream`;

const INSTANCE = 'app.kubernetes.io/instance';
const COMPONENT = 'app.kubernetes.io/component';
/** By these children are found again, so nobody else says what their values are. */
export const OWN_LABELS: readonly string[] = [READER.label, INSTANCE, COMPONENT, MANAGED.label, STREAM_LABEL];

/** As selectors of the API are written: every one of these labels. */
export const selectorText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join(',');

/** What a pod is for; the reader's selector leaves the others out. */
export type Component = 'reader' | 'positions';

export const childName = ({ metadata }: LogStream): string => `${metadata.name}-reader`;

/** Of the reader's pods. A Deployment's selector can never change, so neither may this. */
export function selectorOf({ metadata }: LogStream, component: Component = 'reader'): Readonly<Record<string, string>> {
  return {
    [READER.label]: READER.value,
    [INSTANCE]: metadata.name,
    [COMPONENT]: component,
  };
}

export function labelsOf(stream: LogStream, component: Component = 'reader'): Readonly<Record<string, string>> {
  return {
    ...selectorOf(stream, component),
    [MANAGED.label]: MANAGED.value,
    [STREAM_LABEL]: stream.metadata.name,
  };
}

export function ownerOf({ metadata }: LogStream): OwnerReference {
  return {
    apiVersion: `${GROUP}/${VERSION}`,
    kind: KIND,
    name: metadata.name,
    uid: metadata.uid!,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** Metadata of a child that goes with its LogStream. */
export function ownedMetadata(stream: LogStream, name = childName(stream)): Child['metadata'] {
  return {
    name,
    namespace: stream.metadata.namespace!,
    labels: labelsOf(stream),
    ownerReferences: [ownerOf(stream)],
  };
}

/** Whose positions these are. Without the uid, so that the same file applied again goes on where reading stopped. */
export const applicationName = ({ metadata, spec }: LogStream): string =>
  spec.checkpoint.applicationName ?? `${metadata.namespace!}.${metadata.name}`;

export const serviceAccountName = (stream: LogStream): string => stream.spec.serviceAccount.name ?? childName(stream);
