/** Files in the pod that come out of Secrets and ConfigMaps: one list, from which their volume, the reader's configuration and the references are made. */
import type { CaReference, LogStream } from '../logstream.ts';

export const SECRETS_FOLDER = '/var/run/kinlog/secrets';

export type FileName = 'hec-token' | 'kv-store-token' | 'hec-ca' | 'source-ca' | 'kv-store-ca';

export interface MountedFile {
  readonly file: FileName;
  readonly kind: 'Secret' | 'ConfigMap';
  readonly name: string;
  readonly key: string;
  /** Of the LogStream, for messages. */
  readonly field: string;
}

export function mountedFiles({ spec }: LogStream): readonly MountedFile[] {
  const { splunkKVStore } = spec.checkpoint;
  const hec = spec.outputs.flatMap(({ splunkHEC }, i) =>
    splunkHEC === undefined
      ? []
      : [
          token('hec-token', splunkHEC.tokenSecretRef, `spec.outputs[${i}].splunkHEC.tokenSecretRef`),
          ...authorities('hec-ca', splunkHEC.tls?.ca, `spec.outputs[${i}].splunkHEC.tls.ca`),
        ],
  );
  return [
    ...hec,
    ...(splunkKVStore === undefined
      ? []
      : [
          token('kv-store-token', splunkKVStore.tokenSecretRef, 'spec.checkpoint.splunkKVStore.tokenSecretRef'),
          ...authorities('kv-store-ca', splunkKVStore.tls?.ca, 'spec.checkpoint.splunkKVStore.tls.ca'),
        ]),
    ...authorities('source-ca', spec.source.tls?.ca, 'spec.source.tls.ca'),
  ];
}

/** Where the reader finds it; undefined when nothing is mounted there. */
export function fileIn(stream: LogStream, name: FileName): string | undefined {
  return mountedFiles(stream).some(({ file }) => file === name) ? `${SECRETS_FOLDER}/${name}` : undefined;
}

function token(file: FileName, { name, key }: { name: string; key: string }, field: string): MountedFile {
  return { file, kind: 'Secret', name, key, field };
}

function authorities(file: FileName, ca: CaReference | undefined, field: string): MountedFile[] {
  const { secretRef, configMapRef } = ca ?? {};
  if (secretRef !== undefined) return [{ file, kind: 'Secret', ...secretRef, field: `${field}.secretRef` }];
  if (configMapRef !== undefined) return [{ file, kind: 'ConfigMap', ...configMapRef, field: `${field}.configMapRef` }];
  return [];
}
