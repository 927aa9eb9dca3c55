import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const MAIN = path.join(import.meta.dirname, '../../../../operator/main.ts');
const LIMIT_MS = 20_000;

/** An API server that takes every call and answers none. */
async function silentServer(): Promise<Server> {
  const server = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

class Program {
  stderr = '';
  stdout = '';
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', ...env },
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    this.#child = child;
    child.stderr.on('data', (text: Buffer) => (this.stderr += text.toString()));
    child.stdout.on('data', (text: Buffer) => (this.stdout += text.toString()));
    this.ended = once(child, 'close').then(([status]) => status as number | null);
  }

  /** The first line of this event. */
  async said(event: string): Promise<Record<string, unknown>> {
    for (;;) {
      const line = this.stderr.split('\n').find((text) => text.includes(`"event":"${event}"`));
      if (line !== undefined) return JSON.parse(line) as Record<string, unknown>;
      if (this.#child.exitCode !== null) throw new Error(`ended without ${event}: ${this.stderr}`);
      await Promise.race([once(this.#child.stderr!, 'data'), this.ended]);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

describe('kinlog-operator as a process', { timeout: 30_000 }, () => {
  let folder = '';
  let server: Server;
  const programs: Program[] = [];
  const run = (args: readonly string[], env?: Readonly<Record<string, string>>): Program => {
    const program = new Program(args, env);
    programs.push(program);
    return program;
  };
  const kubeconfig = (): string => {
    const file = path.join(folder, 'kubeconfig');
    const { port } = server.address() as AddressInfo;
    const cluster = { server: `http://127.0.0.1:${port}` };
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'system' } }],
      'current-context': 'x',
    };
    writeFileSync(file, JSON.stringify(config));
    return file;
  };
  const listening = ['--metrics-listen', '127.0.0.1:0', '--probes-listen', '127.0.0.1:0', '--reader-image', 'kinlog'];

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'kinlog-operator-'));
    server = await silentServer();
  });

  afterEach(async () => {
    for (const program of programs) program.signal('SIGKILL');
    await Promise.all(programs.splice(0).map(({ ended }) => ended));
    server.closeAllConnections();
    await once(server.close(), 'close');
    rmSync(folder, { recursive: true, force: true });
  });

  it('names all faults of its options at once and ends with 1', async () => {
    const program = run([
      '--workers',
      '0',
      '--watch-namespaces',
      'Bad_Name',
      '--pod-monitor-labels',
      'a b=c',
      '--colour',
    ]);
    expect(await program.ended).toBe(1);
    for (const fault of [
      '--colour is not an option',
      '--workers is "0"',
      '--watch-namespaces is "Bad_Name"',
      '--pod-monitor-labels is "a b=c"',
      '--reader-image is missing',
    ])
      expect(program.stderr).toContain(fault);
    expect(program.stderr.trim().split('\n')).toHaveLength(1);
  });

  it('says in one line that it knows no cluster', async () => {
    const program = run(['--reader-image', 'kinlog'], { KUBECONFIG: '' });
    expect(await program.ended).toBe(1);
    expect(program.stderr).toMatch(/^kinlog: no cluster: .*\(KINLOG_CONFIG_INVALID\).*--kubeconfig.*\n$/);
  });

  it('says in one line that nothing can listen where it was told to', async () => {
    const { port } = server.address() as AddressInfo;
    const program = run(['--kubeconfig', kubeconfig(), ...listening, '--probes-listen', `127.0.0.1:${port}`]);
    expect(await program.ended).toBe(1);
    expect(program.stderr).toMatch(
      new RegExp(`--probes-listen: nothing can listen on 127.0.0.1:${port}: .*EADDRINUSE`),
    );
  });

  it('takes its options from the environment of its pod', async () => {
    const env = { KINLOG_READER_IMAGE: 'kinlog', WATCH_NAMESPACES: 'a, b', POD_NAMESPACE: 'system', POD_NAME: 'pod-1' };
    const program = run(['--kubeconfig', kubeconfig(), ...listening.slice(0, 4)], env);
    expect(await program.said('operator.started')).toMatchObject({ level: 'info', namespaces: 'a,b' });
  });

  it('lives without an answer of the API server, says what is missing, and ends with 0 when it is asked to', async () => {
    const program = run(['--kubeconfig', kubeconfig(), ...listening]);
    const { probes } = await program.said('operator.started');
    const [health, ready] = await Promise.all(
      ['/healthz', '/readyz'].map((page) => fetch(`http://${String(probes)}${page}`)),
    );
    expect([health!.status, ready!.status]).toEqual([200, 503]);
    expect(await ready!.text()).toContain('is the CRD logstreams.kinlog.io installed?');
    program.signal('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(program.stdout).toBe('');
    const lines = program.stderr.trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual([
      'operator.started',
      'operator.stopping',
      'operator.stopped',
    ]);
  });
});
