/** What a LogStream names without owning it. */
import type { LogStream } from '../logstream.ts';
import { keptVolumes } from './claims.ts';
import type { Reference } from './desired.ts';
import { mountedFiles } from './mounted-files.ts';
import { accessKey } from './pod.ts';

/** Each object once, with all keys that are asked of it. Secrets that images are pulled with are the kubelet's affair. */
export function referencesOf(stream: LogStream): readonly Reference[] {
  const { source, serviceAccount } = stream.spec;
  const named: Reference[] = [
    ...mountedFiles(stream).map(({ kind, name, key, field }) => ({ kind, name, keys: [key], field })),
    ...accessKey(source.auth).map(({ name, key }) => ({
      kind: 'Secret' as const,
      name,
      keys: [key],
      field: 'spec.source.auth.secretRef',
    })),
    ...keptVolumes(stream).flatMap(({ claim, field }) =>
      claim.existingClaim === undefined
        ? []
        : [
            {
              kind: 'PersistentVolumeClaim' as const,
              name: claim.existingClaim,
              keys: [],
              field: `${field}.existingClaim`,
            },
          ],
    ),
    ...(serviceAccount.create || serviceAccount.name === undefined
      ? []
      : [{ kind: 'ServiceAccount' as const, name: serviceAccount.name, keys: [], field: 'spec.serviceAccount.name' }]),
  ];
  const once = new Map<string, Reference>();
  for (const one of named) {
    const key = `${one.kind}/${one.name}`;
    const before = once.get(key);
    if (before === undefined) once.set(key, one);
    else once.set(key, { ...before, keys: [...new Set([...before.keys, ...one.keys])], field: joined(before, one) });
  }
  return [...once.values()];
}

const joined = (one: Reference, other: Reference): string =>
  one.field.split(', ').includes(other.field) ? one.field : `${one.field}, ${other.field}`;
