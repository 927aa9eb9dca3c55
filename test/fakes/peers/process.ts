/** Starts a server that somebody else wrote as a child process on loopback, and ends it without a trace. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface Peer {
  /** http://127.0.0.1:port */
  readonly url: string;
  readonly pid: number;
  /** Settles when the process is gone; may be called twice. */
  close(): Promise<void>;
}

export interface PeerProgram {
  readonly name: string;
  /** The program's entry file. */
  readonly entry: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The port that the program believes to listen on; where it really does is told by the preload. */
  readonly port: number;
}

const LOOPBACK = path.join(import.meta.dirname, 'loopback.ts');
const READY_MS = 30_000;

export async function startPeer({ name, entry, args = [], env = {}, port }: PeerProgram): Promise<Peer> {
  const child = fork(entry, [...args], {
    // None of them writes files; this keeps it out of the tree if one ever does.
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] ?? '', ...env },
    execArgv: ['--disable-warning=ExperimentalWarning', '--import', LOOPBACK],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const close = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  try {
    return { url: `http://127.0.0.1:${await listeningOn(child, name, port)}`, pid: child.pid ?? 0, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function listeningOn(child: ChildProcess, name: string, port: number): Promise<number> {
  let stderr = '';
  child.stderr?.on('data', (text: Buffer) => (stderr = `${stderr}${text.toString()}`.slice(-2000)));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${name} did not listen within ${READY_MS} ms: ${stderr}`)),
      READY_MS,
    );
    child.on('message', (message: { asked: number; port: number }) => {
      if (message.asked !== port) return;
      clearTimeout(timer);
      resolve(message.port);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${name} ended with ${code ?? 'a signal'} before it listened: ${stderr}`));
    });
    child.once('error', reject);
  });
}
