/** What the documents show is run as it stands. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { startSimulator, type RunningSimulator } from '../fakes/kinesis/server.ts';
import { startDynalite } from '../fakes/peers/dynalite.ts';
import type { Peer } from '../fakes/peers/process.ts';

const root = path.join(import.meta.dirname, '../..');
const library = readFileSync(path.join(root, 'docs/library.md'), 'utf8');
const [readExample, shareExample, sendExample] = [...library.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(
  ([, code]) => code!,
);

describe('docs/library.md', () => {
  const fake = new FakeKinesis();
  let simulator: RunningSimulator;
  let dynamo: Peer;
  let folder: string;

  beforeAll(async () => {
    fake.createStream('access-logs', 2);
    simulator = await startSimulator(fake);
    dynamo = await startDynalite();
    // Inside the tree, so that the examples find its packages.
    folder = mkdtempSync(path.join(root, 'test/tree/.docs-'));
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await dynamo.close();
    await simulator.close();
  });

  const run = (name: string, code: string) => {
    const file = path.join(folder, `${name}.ts`);
    const inTree = code
      .replaceAll(/'kinlog\/(\w+)'/g, `'../../../$1/index.ts'`)
      .replaceAll(/'kinlog\/reader\/([\w-]+)'/g, `'../../../reader/checkpoint/$1.ts'`);
    writeFileSync(file, inTree);
    return spawn(process.execPath, [file], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 15_000,
      env: {
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_ENDPOINT_URL_KINESIS: simulator.url,
        AWS_ENDPOINT_URL_DYNAMODB: dynamo.url,
      },
    });
  };

  it('sends and reads as its examples say', { timeout: 40_000 }, async () => {
    const sender = run('send', sendExample!);
    expect((await once(sender, 'exit'))[0]).toBe(0);
    await expectReading('read', readExample!);
    const [importLine, storeLine] = shareExample!.trim().split(/\n+/);
    await expectReading('share', `${importLine}\n${readExample!.replace(/^const store = .*$/m, storeLine!)}`);
  });

  async function expectReading(name: string, code: string): Promise<void> {
    const reader = run(name, code);
    let text = '';
    reader.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('\n')) reader.kill('SIGTERM');
    });
    expect((await once(reader, 'exit'))[0]).toBe(0);
    expect(text).toBe('json {"msg":"paid","order":7}\n');
  }
});

describe('README.md', () => {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

  it('names only make targets that exist', () => {
    const makefile = readFileSync(path.join(root, 'Makefile'), 'utf8');
    const named = [...readme.matchAll(/`?make ([a-z]+)/g)].map(([, target]) => target!);
    expect(named).not.toEqual([]);
    expect(named.filter((target) => !makefile.includes(`\n${target}:`))).toEqual([]);
  });

  it('links only to files that exist', () => {
    const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, file]) => file!);
    const missing = links.filter((file) => {
      try {
        readFileSync(path.join(root, file));
        return false;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'ENOENT';
      }
    });
    expect(missing).toEqual([]);
  });
});
