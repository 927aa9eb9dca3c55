/** What a pod may ask of itself (the downward API), and its environment. */
import type { Container, Data, EnvVar, KeyRef, Pod } from './types.ts';

/** Why a container can not be made yet; the kubelet tries again. */
export class NotYet extends Error {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

type Kind = 'secrets' | 'configmaps';
type Reading = (kind: Kind, name: string) => Promise<Data | undefined>;

export interface PodPlace {
  readonly podIp: string;
  readonly nodeName: string;
}

export function fieldOf(pod: Pod, place: PodPlace, fieldPath: string): string {
  const labelled = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(fieldPath);
  if (labelled !== null) return pod.metadata[labelled[1] as 'labels' | 'annotations']?.[labelled[2]!] ?? '';
  const fields: Readonly<Record<string, string>> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': place.nodeName,
    'spec.serviceAccountName': pod.spec.serviceAccountName ?? 'default',
    'status.podIP': place.podIp,
    'status.podIPs': place.podIp,
    'status.hostIP': '127.0.0.1',
    'status.hostIPs': '127.0.0.1',
  };
  const value = fields[fieldPath];
  if (value === undefined) throw refused(`this kubelet does not know the field ${fieldPath}`);
  return value;
}

const refused = (message: string) => new NotYet('CreateContainerConfigError', message);

/** Throws NotYet when an object or a key is missing that is not optional. */
export async function environment(
  container: Container,
  field: (path: string) => string,
  read: Reading,
): Promise<Record<string, string>> {
  if (container.envFrom !== undefined) throw refused('this kubelet does not know envFrom');
  const values: Record<string, string> = {};
  for (const { name, value, valueFrom } of container.env ?? []) {
    const found = valueFrom === undefined ? expand(value ?? '', values) : await valueFromOf(valueFrom, { field, read });
    if (found !== undefined) values[name] = found;
  }
  return values;
}

async function valueFromOf(
  { secretKeyRef, configMapKeyRef, fieldRef }: NonNullable<EnvVar['valueFrom']>,
  { field, read }: { field: (path: string) => string; read: Reading },
): Promise<string | undefined> {
  if (fieldRef !== undefined) return field(fieldRef.fieldPath);
  if (secretKeyRef !== undefined) return keyOf(secretKeyRef, 'secrets', read);
  if (configMapKeyRef !== undefined) return keyOf(configMapKeyRef, 'configmaps', read);
  throw refused('this kubelet knows variables from keys and fields only');
}

async function keyOf({ name, key, optional }: KeyRef, kind: Kind, read: Reading): Promise<string | undefined> {
  const found = (await read(kind, name))?.data?.[key];
  if (found !== undefined) return kind === 'configmaps' ? found : Buffer.from(found, 'base64').toString();
  if (optional === true) return undefined;
  throw refused(`couldn't find key ${key} in ${kind.slice(0, -1)} "${name}"`);
}

/** `$(NAME)`; `$$(NAME)` stays `$(NAME)`, and so does a name that nobody defined. */
export function expand(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\$|\$\(([^)]+)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (values[name] ?? whole),
  );
}
