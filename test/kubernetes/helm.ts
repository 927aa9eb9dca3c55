/** The real Helm, on the chart as it is packed. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { build, HELM } from './build.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const HELM_MS = 180_000;

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [key: string]: unknown;
}

/** Of YAML with several documents; empty ones are none. */
export const manifests = (text: string): Manifest[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((object) => object !== null);

export class Helm {
  readonly #binary = build((line) => void process.stderr.write(`${line}\n`), HELM);
  readonly #folder: string;
  readonly chart: string;

  /** `folder`: takes the packed chart, and what Helm remembers. */
  constructor(folder: string) {
    this.#folder = folder;
    const args = [path.join(ROOT, 'operator/deploy/package.ts'), '--to', folder];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    this.chart = path.join(
      folder,
      readdirSync(folder).find((name) => name.endsWith('.tgz'))!,
    );
  }

  /** Standard output; throws with standard error when it fails. */
  run(args: readonly string[], kubeconfig?: string): string {
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: this.#folder,
      ...(kubeconfig ? { KUBECONFIG: kubeconfig } : {}),
    };
    const { status, stdout, stderr } = spawnSync(this.#binary, args, { encoding: 'utf8', env, timeout: HELM_MS });
    if (status !== 0) throw new Error(`helm ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  template(...values: readonly string[]): Manifest[] {
    return manifests(this.run(['template', 'kinlog-operator', this.chart, '--namespace', 'kinlog-system', ...values]));
  }
}
