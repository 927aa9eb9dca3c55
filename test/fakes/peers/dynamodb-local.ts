/** DynamoDB Local (Maven; Amazon's own), the reference for every lease store, as a child process on loopback. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Peer } from './process.ts';

const READY_MS = 60_000;
const ENDS_MS = 10_000;

/** `folder`: what test/interop/build.ts made; `make test-interop` names it in KINLOG_DYNAMODB_LOCAL. */
export async function startDynamoLocal(folder: string): Promise<Peer> {
  const args = [
    ...['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData'],
    ...['-cp', `${path.join(folder, 'classes')}:${path.join(folder, 'lib')}/*`, 'DynamoLocal'],
  ];
  const server = spawn('java', args, { cwd: tmpdir(), stdio: 'pipe' });
  const gone = once(server, 'exit');
  // It ends with its stdin, so that it never outlives its parent.
  const close = async () => {
    server.stdin.end();
    const timer = setTimeout(() => server.kill('SIGKILL'), ENDS_MS);
    await gone;
    clearTimeout(timer);
  };
  try {
    return { url: `http://127.0.0.1:${await portOf(server)}`, pid: server.pid ?? 0, close };
  } catch (error) {
    if (server.pid !== undefined) await close();
    throw error;
  }
}

function portOf(server: ChildProcess): Promise<number> {
  let said = '';
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`DynamoDB Local ${why}: ${said.slice(-2000)}`));
    const timer = setTimeout(() => fail(`did not listen within ${READY_MS} ms`), READY_MS);
    const hear = (text: Buffer) => {
      said = `${said}${text.toString()}`.slice(-4000);
      const port = /^listening on (\d+)$/m.exec(said)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    };
    server.stdout?.on('data', hear);
    server.stderr?.on('data', hear);
    server.once('error', (error) => fail(error.message));
    server.once('exit', () => {
      clearTimeout(timer);
      fail('ended before it listened');
    });
  });
}
