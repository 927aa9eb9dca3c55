/** Reads an OCI image layout as a runtime does: follows the digests, and unpacks what they name. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { write } from '../../operator/image/unpacked.ts';
import { untar } from '../../packaging/tar.ts';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: string; readonly os: string; readonly variant?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Config {
  readonly architecture: string;
  readonly config: { readonly User: string; readonly Entrypoint: readonly string[]; readonly Env: readonly string[] };
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

export class ImageLayout {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Of the whole image. */
  get reference(): Descriptor {
    return (JSON.parse(readFileSync(path.join(this.#folder, 'index.json'), 'utf8')) as { manifests: Descriptor[] })
      .manifests[0]!;
  }

  get platforms(): readonly Descriptor[] {
    return (this.#json(this.reference) as { manifests: Descriptor[] }).manifests;
  }

  image(architecture: string): { config: Config; layers: readonly Descriptor[] } {
    const found = this.platforms.find(({ platform }) => platform?.architecture === architecture);
    const { config, layers } = this.#json(found!) as { config: Descriptor; layers: Descriptor[] };
    return { config: this.#json(config) as Config, layers };
  }

  /** Unpacks into `folder`; throws when a blob is not what its digest says. */
  unpack(architecture: string, folder: string): void {
    const { config, layers } = this.image(architecture);
    for (const [index, layer] of layers.entries()) {
      const archive = gunzipSync(this.blob(layer));
      if (digestOf(archive) !== config.rootfs.diff_ids[index]) throw new Error(`layer ${index} is not its diff_id`);
      const files = untar(archive).filter(({ type }) => type === '0');
      write(
        folder,
        files.map(({ path: name, bytes, mode }) => ({ path: name, bytes, executable: (mode & 0o111) !== 0 })),
      );
    }
  }

  blob({ digest, size }: Descriptor): Uint8Array {
    const bytes = readFileSync(path.join(this.#folder, 'blobs', digest.replace(':', '/')));
    if (digestOf(bytes) !== digest || bytes.length !== size) throw new Error(`${digest} is another blob`);
    return bytes;
  }

  #json(descriptor: Descriptor): unknown {
    return JSON.parse(Buffer.from(this.blob(descriptor)).toString());
  }
}

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
