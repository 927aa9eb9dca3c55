/** The pod of a reader as the operator makes it, before the user's own fields are laid over it. It fulfils the restricted Pod Security Standard. */
import type { LogStream } from '../logstream.ts';
import { keptVolumes, type KeptVolume } from './claims.ts';
import { STATUS_PORT } from './config.ts';
import type { ReaderSettings } from './desired.ts';
import { mountedFiles, SECRETS_FOLDER, type FileName, type MountedFile } from './mounted-files.ts';
import { childName, serviceAccountName } from './names.ts';
import { resourcesOf } from './resources.ts';

export const CONTAINER = 'reader';
export const CONFIG_FOLDER = '/etc/kinlog';
const CONFIG_FILE = 'reader.yaml';
export const CONFIG_PATH = `${CONFIG_FOLDER}/${CONFIG_FILE}`;
/** The user of the image, for volumes whose root belongs to root. */
const GROUP_OF_IMAGE = 65532;
/** A lost node is given up after this; the leases in the store keep the reader on it from doing harm. */
const LOST_NODE_SECONDS = 30;
/** A reader ends within 15 seconds of being asked; the rest is for a slow node. */
const GRACE_SECONDS = 60;

export type Json = Readonly<Record<string, unknown>>;

/** What a pod does: its container's arguments and all that only a reader has. */
export interface Work {
  readonly args: readonly string[];
  readonly volumes: readonly KeptVolume[];
  /** Whether a file has to be there, or else its Secret or ConfigMap may be gone. */
  readonly needs: (file: FileName) => boolean;
  /** Merged into the container. */
  readonly container: Json;
  readonly pod: Json;
}

export function readerWork(stream: LogStream): Work {
  const probe = (path: string, periodSeconds: number, failureThreshold: number) => ({
    httpGet: { path, port: 'http' },
    periodSeconds,
    failureThreshold,
    timeoutSeconds: 5,
  });
  return {
    args: ['run', '--config', CONFIG_PATH],
    volumes: keptVolumes(stream),
    needs: () => true,
    container: {
      ports: [{ name: 'http', containerPort: STATUS_PORT, protocol: 'TCP' }],
      // A database that the process before still holds is waited for.
      startupProbe: probe('/healthz', 2, 60),
      livenessProbe: probe('/healthz', 10, 6),
      readinessProbe: probe('/readyz', 5, 3),
    },
    pod: { terminationGracePeriodSeconds: GRACE_SECONDS },
  };
}

export function podSpec(stream: LogStream, work: Work, settings: ReaderSettings): Json {
  const { imagePullSecrets } = stream.spec;
  return {
    serviceAccountName: serviceAccountName(stream),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(imagePullSecrets !== undefined && { imagePullSecrets }),
    securityContext: {
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
      ...(work.volumes.length > 0 && { fsGroup: GROUP_OF_IMAGE, fsGroupChangePolicy: 'OnRootMismatch' }),
    },
    tolerations: ['not-ready', 'unreachable'].map((taint) => ({
      key: `node.kubernetes.io/${taint}`,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: LOST_NODE_SECONDS,
    })),
    containers: [containerOf(stream, work, settings)],
    volumes: volumesOf(stream, work),
    ...work.pod,
  };
}

function containerOf(stream: LogStream, { args, volumes, container }: Work, settings: ReaderSettings): Json {
  const { spec } = stream;
  const imagePullPolicy = spec.imagePullPolicy ?? settings.imagePullPolicy;
  return {
    name: CONTAINER,
    image: spec.image ?? settings.image,
    ...(imagePullPolicy !== undefined && { imagePullPolicy }),
    command: ['kinlog'],
    args,
    env: environmentOf(stream),
    resources: resourcesOf(spec),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
    // The last lines of the log name the error and what to do.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      { name: 'config', mountPath: CONFIG_FOLDER, readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
      ...(mountedFiles(stream).length > 0 ? [{ name: 'secrets', mountPath: SECRETS_FOLDER, readOnly: true }] : []),
      ...volumes.map(({ name, mountPath }) => ({ name, mountPath })),
    ],
    ...container,
  };
}

/** Values that only the pod knows, and keys that only a Secret may hold. */
export function environmentOf({ spec }: LogStream): readonly Json[] {
  const field = (name: string, fieldPath: string) => ({
    name,
    valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } },
  });
  return [
    field('KINLOG_NAME', 'metadata.name'),
    field('KINLOG_STATUS_HOST', 'status.podIP'),
    ...accessKey(spec.source.auth).map(({ variable, name, key }) => ({
      name: variable,
      valueFrom: { secretKeyRef: { name, key } },
    })),
  ];
}

export interface AccessKeyPart {
  readonly variable: string;
  readonly name: string;
  readonly key: string;
}

export function accessKey(auth: LogStream['spec']['source']['auth']): readonly AccessKeyPart[] {
  if (auth?.type !== 'Secret' || auth.secretRef === undefined) return [];
  const { name, accessKeyIdKey, secretAccessKeyKey, sessionTokenKey } = auth.secretRef;
  return [
    { variable: 'AWS_ACCESS_KEY_ID', name, key: accessKeyIdKey },
    { variable: 'AWS_SECRET_ACCESS_KEY', name, key: secretAccessKeyKey },
    ...(sessionTokenKey === undefined ? [] : [{ variable: 'AWS_SESSION_TOKEN', name, key: sessionTokenKey }]),
  ];
}

function volumesOf(stream: LogStream, { volumes, needs }: Work): readonly Json[] {
  const files = mountedFiles(stream);
  return [
    { name: 'config', configMap: { name: childName(stream), items: [{ key: CONFIG_FILE, path: CONFIG_FILE }] } },
    { name: 'tmp', emptyDir: {} },
    ...(files.length > 0
      ? [{ name: 'secrets', projected: { sources: files.map((file) => projection(file, needs)) } }]
      : []),
    ...volumes.map(({ name, claimName }) => ({ name, persistentVolumeClaim: { claimName } })),
  ];
}

function projection({ kind, name, key, file }: MountedFile, needs: Work['needs']): Json {
  const optional = needs(file) ? {} : { optional: true };
  return { [kind === 'Secret' ? 'secret' : 'configMap']: { name, items: [{ key, path: file }], ...optional } };
}

export const configData = (text: string): Readonly<Record<string, string>> => ({ [CONFIG_FILE]: text });
