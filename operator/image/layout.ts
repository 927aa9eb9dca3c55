/** Writes an image as an OCI image layout: the same contents give the same digests. Specification: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md */
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compressed } from '../../packaging/gzip.ts';
import { tar } from '../../packaging/tar.ts';
import type { Architecture } from './architecture.ts';
import type { Layer, Start } from './contents.ts';

const TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

export interface Image {
  readonly architecture: Architecture;
  readonly layers: readonly Layer[];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** One image with a part for each processor, named `tag` in the layout. Gives its digest; what lay in the folder is gone. */
export function writeLayout(folder: string, tag: string, start: Start, images: readonly Image[]): string {
  const blobs = path.join(folder, 'blobs/sha256');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(blobs, { recursive: true });
  const put = (mediaType: string, bytes: Uint8Array): Descriptor => {
    const hex = sha256(bytes);
    writeFileSync(path.join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const manifests = images.map((image) => {
    const { name, variant } = image.architecture;
    const platform = { architecture: name, os: 'linux', ...(variant === undefined ? {} : { variant }) };
    return { ...put(TYPES.manifest, json(manifest(image, start, put))), platform };
  });
  const index = (entries: readonly object[]) => json({ schemaVersion: 2, mediaType: TYPES.index, manifests: entries });
  const whole = put(TYPES.index, index(manifests));
  const reference = { 'org.opencontainers.image.ref.name': tag };
  writeFileSync(path.join(folder, 'index.json'), index([{ ...whole, annotations: reference }]));
  writeFileSync(path.join(folder, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  return whole.digest;
}

function manifest({ architecture, layers }: Image, start: Start, put: (type: string, bytes: Uint8Array) => Descriptor) {
  const archives = layers.map(({ what, files }) => ({ what, archive: tar(files) }));
  const config = {
    architecture: architecture.name,
    ...(architecture.variant === undefined ? {} : { variant: architecture.variant }),
    os: 'linux',
    config: {
      User: start.user,
      Env: start.env,
      Entrypoint: start.entryPoint,
      WorkingDir: '/',
      Labels: start.labels,
    },
    rootfs: { type: 'layers', diff_ids: archives.map(({ archive }) => `sha256:${sha256(archive)}`) },
    history: archives.map(({ what }) => ({ created_by: what })),
  };
  return {
    schemaVersion: 2,
    mediaType: TYPES.manifest,
    config: put(TYPES.config, json(config)),
    layers: archives.map(({ archive }) => put(TYPES.layer, compressed(archive))),
    annotations: start.labels,
  };
}

const json = (value: object): Uint8Array => Buffer.from(JSON.stringify(value));
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
