/** The volumes of a pod as folders of this machine; files of ConfigMaps, Secrets and tokens change in place, all at once, as a kubelet's do. */
import { mkdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { NodeApi } from './api.ts';
import { NotYet } from './fields.ts';
import type { Data, Pod, ProjectedSource, Volume } from './types.ts';

const TOKEN_SECONDS = 3600;
/** Of a token's life, after which it is asked for again. */
const TOKEN_USED = 0.8;

type Files = ReadonlyMap<string, Buffer>;

export class Volumes {
  readonly #pod: Pod;
  readonly #folder: string;
  readonly #api: NodeApi;
  readonly #field: (path: string) => string;
  readonly #places = new Map<string, string>();
  readonly #tokens = new Map<string, { token: string; renewAt: number }>();

  constructor(pod: Pod, folder: string, from: { api: NodeApi; field: (path: string) => string }) {
    this.#pod = pod;
    this.#folder = folder;
    this.#api = from.api;
    this.#field = from.field;
  }

  /** Throws NotYet while something that a volume needs is missing. */
  async prepare(): Promise<void> {
    for (const volume of this.#pod.spec.volumes ?? []) this.#places.set(volume.name, await this.#place(volume));
  }

  /** Folder of a volume that was prepared. */
  place(name: string): string {
    return this.#places.get(name)!;
  }

  /** Files follow their objects; what is missing now stays as it was. */
  async refresh(): Promise<void> {
    for (const volume of this.#pod.spec.volumes ?? []) {
      const files = await this.#files(volume).catch(() => undefined);
      if (files !== undefined) swap(this.place(volume.name), files);
    }
  }

  async read(kind: 'secrets' | 'configmaps', name: string): Promise<Data | undefined> {
    return this.#api.get<Data>(`/api/v1/namespaces/${this.#pod.metadata.namespace}/${kind}/${name}`);
  }

  async #place(volume: Volume): Promise<string> {
    if (volume.persistentVolumeClaim !== undefined) return this.#claim(volume.persistentVolumeClaim.claimName);
    const folder = path.join(this.#folder, volume.name);
    mkdirSync(folder, { recursive: true });
    const files = await this.#files(volume);
    if (files !== undefined) swap(folder, files);
    else if (volume.emptyDir === undefined)
      throw new NotYet('FailedMount', `this kubelet does not know the kind of volume ${volume.name}`);
    return folder;
  }

  async #claim(name: string): Promise<string> {
    const where = `/api/v1/namespaces/${this.#pod.metadata.namespace}/persistentvolumeclaims/${name}`;
    const claim = await this.#api.get<{ spec: { volumeName?: string } }>(where);
    const volume = claim?.spec.volumeName;
    if (volume === undefined) throw new NotYet('FailedMount', `persistentvolumeclaim "${name}" is not bound`);
    const bound = await this.#api.get<{ spec: { hostPath?: { path: string } } }>(`/api/v1/persistentvolumes/${volume}`);
    const folder = bound?.spec.hostPath?.path;
    if (folder === undefined) throw new NotYet('FailedMount', `persistentvolume "${volume}" is no folder`);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Undefined for a volume that is no rendering of objects. */
  async #files({ configMap, secret, projected, downwardAPI }: Volume): Promise<Files | undefined> {
    const sources: readonly ProjectedSource[] | undefined =
      configMap !== undefined
        ? [{ configMap }]
        : secret !== undefined
          ? [{ secret: { ...secret, name: secret.secretName } }]
          : downwardAPI !== undefined
            ? [{ downwardAPI }]
            : projected?.sources;
    if (sources === undefined) return undefined;
    const all: [string, Buffer][] = [];
    for (const source of sources) all.push(...(await this.#projected(source)));
    return new Map(all);
  }

  async #projected(source: ProjectedSource): Promise<readonly [string, Buffer][]> {
    if (source.secret !== undefined) return this.#keys('secrets', source.secret);
    if (source.configMap !== undefined) return this.#keys('configmaps', source.configMap);
    if (source.serviceAccountToken !== undefined) {
      const { path: file, ...wanted } = source.serviceAccountToken;
      return [[file, Buffer.from(await this.#token(wanted))]];
    }
    const items = source.downwardAPI?.items ?? [];
    return items.map(({ path: file, fieldRef }) => [file, Buffer.from(this.#field(fieldRef?.fieldPath ?? ''))]);
  }

  async #keys(
    kind: 'secrets' | 'configmaps',
    { name, items, optional = false }: NonNullable<ProjectedSource['secret']>,
  ): Promise<readonly [string, Buffer][]> {
    const found = await this.read(kind, name);
    const missing = (message: string) => new NotYet('FailedMount', `${kind.slice(0, -1)} "${name}" ${message}`);
    if (found === undefined && !optional) throw missing('not found');
    const bytes = contents(kind, found);
    if (items === undefined) return [...bytes];
    return items.flatMap(({ key, path: file }): [string, Buffer][] => {
      const content = bytes.get(key);
      if (content === undefined && !optional) throw missing(`has no key ${key}`);
      return content === undefined ? [] : [[file, content]];
    });
  }

  async #token(wanted: { expirationSeconds?: number; audience?: string }): Promise<string> {
    const key = JSON.stringify(wanted);
    const known = this.#tokens.get(key);
    if (known !== undefined && performance.now() < known.renewAt) return known.token;
    const { name, uid, namespace } = this.#pod.metadata;
    const account = this.#pod.spec.serviceAccountName ?? 'default';
    const seconds = wanted.expirationSeconds ?? TOKEN_SECONDS;
    const answer = await this.#api.call<{ status: { token: string } }>(
      'POST',
      `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          audiences: wanted.audience === undefined ? [] : [wanted.audience],
          expirationSeconds: seconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
        },
      },
    );
    const { token } = answer.status;
    this.#tokens.set(key, { token, renewAt: performance.now() + seconds * 1000 * TOKEN_USED });
    return token;
  }
}

function contents(kind: 'secrets' | 'configmaps', { data = {}, binaryData = {} }: Data = {}): Files {
  const text = kind === 'secrets' ? 'base64' : 'utf8';
  const decoded = (from: Readonly<Record<string, string>>, encoding: BufferEncoding) =>
    Object.entries(from).map(([key, value]): [string, Buffer] => [key, Buffer.from(value, encoding)]);
  return new Map([...decoded(data, text), ...decoded(binaryData, 'base64')]);
}

/** Readers see all the old files or all the new ones: names lead through `..data`, which is renamed into place. */
function swap(folder: string, files: Files): void {
  const data = path.join(folder, '..data');
  const old = linkOf(data);
  if (old !== undefined && same(path.join(folder, old), files)) return;
  const version = `..v${process.hrtime.bigint()}`;
  for (const [file, content] of files) {
    const target = path.join(folder, version, file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, content);
  }
  mkdirSync(path.join(folder, version), { recursive: true });
  symlinkSync(version, `${data}_tmp`);
  renameSync(`${data}_tmp`, data);
  const names = new Set([...files.keys()].map((file) => file.split('/')[0]!));
  for (const name of names)
    if (linkOf(path.join(folder, name)) === undefined) symlinkSync(`..data/${name}`, path.join(folder, name));
  if (old !== undefined) rmSync(path.join(folder, old), { recursive: true });
}

function linkOf(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch {
    return undefined;
  }
}

function same(folder: string, files: Files): boolean {
  try {
    return [...files].every(([file, content]) => readFileSync(path.join(folder, file)).equals(content));
  } catch {
    return false;
  }
}
