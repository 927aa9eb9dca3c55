/** `make cluster`: what it says works as it stands, one runs at a time, and nothing is left of it, however the one before ended. */
import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../flow/cli-process.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const STARTS_MS = 100_000;
const parent = mkdtempSync(path.join(tmpdir(), 'kinlog-cluster-'));
const folder = path.join(parent, 'cluster');
const begun: Cluster[] = [];

class Cluster {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly gone: Promise<unknown[]>;
  stdout = '';
  stderr = '';

  constructor() {
    const file = path.join(import.meta.dirname, 'cluster.ts');
    this.#child = spawn(process.execPath, [file, folder], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout.on('data', (text: Buffer) => (this.stdout += text.toString()));
    this.#child.stderr.on('data', (text: Buffer) => (this.stderr += text.toString()));
    this.gone = once(this.#child, 'close');
    begun.push(this);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Its control plane answers. */
  async ready(): Promise<void> {
    const over = () => this.#child.exitCode ?? this.#child.signalCode;
    await until(() => this.stdout.includes('Ctrl-C') || over() !== null, 'a cluster', STARTS_MS);
    if (over() !== null) throw new Error(`the cluster has ended: ${this.stderr}`);
  }

  async end(signal: NodeJS.Signals): Promise<unknown[]> {
    this.#child.kill(signal);
    return this.gone;
  }
}

const type = async (text: string): Promise<string> =>
  (await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', text], { cwd: ROOT, timeout: STARTS_MS })).stdout;

let first: Cluster;
beforeAll(async () => {
  first = new Cluster();
  await first.ready();
});
afterAll(async () => {
  await Promise.all(begun.map((cluster) => cluster.end('SIGKILL')));
  rmSync(parent, { recursive: true, force: true, maxRetries: 20 });
});

describe('a cluster to play with', () => {
  it('brings an event to Splunk by the commands that it says', async () => {
    const commands = [...first.stdout.matchAll(/^ {2}(?!helm )(.*)$/gm)].map(([, command]) => command);
    await type(commands.join('\n'));
    await until(() => first.stdout.includes('\nsplunk: "hello"\n'), 'the event');
  });

  it('is not disturbed by a second one, which names it and ends', async () => {
    const second = new Cluster();
    expect(await second.gone).toEqual([1, null]);
    expect(second.stderr).toMatch(/^cluster: one runs already .* kill \d+\n$/);
    expect(second.stderr).toContain(`process ${first.pid}.`);
    expect(second.stdout).toBe('');
    expect(await type(`. ${folder}/env; kubectl get nodes --output name`)).toBe('node/node-a\n');
  });

  it('begins anew where one was killed, and leaves nothing when it is asked to end', async () => {
    await first.end('SIGKILL');
    writeFileSync(path.join(folder, 'left'), '');
    first = new Cluster();
    await first.ready();
    expect(existsSync(path.join(folder, 'left'))).toBe(false);
    expect(await type(`. ${folder}/env; kubectl get logstreams 2>&1 || true`)).toContain('resource type "logstreams"');
    expect(await first.end('SIGTERM')).toEqual([0, null]);
    expect(existsSync(folder)).toBe(false);
  });
});
