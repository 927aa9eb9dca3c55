/** The image as a runtime unpacks it: what is in it, and its programs run from it, as its user and on a root that can not be written to. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ownArchitecture } from '../../operator/image/architecture.ts';
import { startSimulatorProcess } from '../fakes/kinesis/child.ts';
import { until } from '../flow/cli-process.ts';
import { ImageLayout } from './image-layout.ts';
import { startSandboxed } from './kubelet/sandbox.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const BUILD_MS = 300_000;
const USER = 65532;
const { name: architecture } = ownArchitecture();

/** Where there is no apt the image can only be built by its Dockerfile. */
const apt = spawnSync('apt-get', ['--version']).error === undefined;
if (!apt && process.env['CI'] === 'true') throw new Error('apt-get is missing: the image can not be built here');

describe.skipIf(!apt)('the image', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'kinlog-image-'));
  const root = path.join(folder, 'root');
  const layout = new ImageLayout(path.join(folder, 'layout'));

  const build = (...args: string[]): string => {
    const all = [path.join(ROOT, 'operator/image/build.ts'), ...args, architecture];
    const { status, stdout, stderr } = spawnSync(process.execPath, all, { encoding: 'utf8', timeout: BUILD_MS });
    if (status !== 0) throw new Error(stderr);
    return stdout;
  };

  beforeAll(() => {
    build('--to', path.join(folder, 'layout'));
    layout.unpack(architecture, root);
  }, BUILD_MS);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const files = (below: string): string[] =>
    readdirSync(below, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(below, path.join(entry.parentPath, entry.name)))
      .sort();

  it(
    'is the same, digest for digest, when it is built again',
    () => {
      build('--to', path.join(folder, 'again'));
      expect(new ImageLayout(path.join(folder, 'again')).reference).toEqual(layout.reference);
      rmSync(path.join(folder, 'again'), { recursive: true });
    },
    BUILD_MS,
  );

  it('names its processor, and starts kinlog as a user that is nobody', () => {
    expect(layout.platforms.map(({ platform }) => platform?.architecture)).toEqual([architecture]);
    const { config } = layout.image(architecture).config;
    expect(config.User).toBe(`${USER}:${USER}`);
    expect(config.Entrypoint).toEqual(['/usr/local/bin/kinlog']);
  });

  it(
    'has the same files and the same start as the one of the Dockerfile',
    () => {
      const other = path.join(folder, 'other');
      build('--root', other);
      expect(files(other)).toEqual(files(root));
      const changed = files(other).filter(
        (file) => !readFileSync(path.join(other, file)).equals(readFileSync(path.join(root, file))),
      );
      expect(changed).toEqual([]);
      rmSync(other, { recursive: true });
      const { config } = layout.image(architecture).config;
      const lines = readFileSync(path.join(ROOT, 'operator/image/Dockerfile'), 'utf8').split('\n');
      expect(lines).toContain(`USER ${config.User}`);
      expect(lines).toContain(`ENTRYPOINT ${JSON.stringify(config.Entrypoint)}`);
      expect(lines).toContain(`ENV ${config.Env[0]!}`);
      expect(lines.at(lines.indexOf('FROM scratch') + 1)).toBe('COPY --from=build /image /');
    },
    BUILD_MS,
  );

  it('holds nothing that can be started but Node, its loader and the two programs', () => {
    const executable = files(root).filter((file) => (statSync(path.join(root, file)).mode & 0o111) !== 0);
    expect(executable.filter((file) => !path.basename(file).startsWith('ld-linux-'))).toEqual([
      'usr/local/bin/kinlog',
      'usr/local/bin/kinlog-operator',
      'usr/local/bin/node',
    ]);
  });

  it('says what it is made of, and under which licences', () => {
    const sbom = JSON.parse(readFileSync(path.join(root, 'usr/share/doc/kinlog/sbom.cdx.json'), 'utf8')) as {
      components: { name: string; purl?: string }[];
    };
    const names = sbom.components.map(({ name }) => name);
    for (const name of ['node', 'libc6', 'libstdc++6', 'libgcc-s1', 'leveldb', 'undici', '@kubernetes/client-node'])
      expect(names).toContain(name);
    for (const name of ['LICENSE', 'LICENSE-node.txt', 'LICENSE-libraries.txt'])
      expect(existsSync(path.join(root, 'usr/share/doc/kinlog', name))).toBe(true);
  });

  describe('in a sandbox', () => {
    let places = 0;
    const running = new Set<ReturnType<typeof startSandboxed>>();
    afterEach(() => {
      for (const child of running) child.kill('SIGKILL');
      running.clear();
    });

    const start = (command: readonly string[], data?: string, env = {}) => {
      const place = path.join(folder, `sandbox-${++places}`);
      mkdirSync(place);
      const log = path.join(place, 'log');
      const child = startSandboxed({
        image: { layers: [root], binds: [], entrypoint: [], user: USER },
        folder: place,
        mounts: data === undefined ? [] : [{ source: data, target: '/data', readOnly: false }],
        readOnlyRoot: true,
        user: USER,
        workingDir: '/',
        command,
        env: { PATH: '/usr/local/bin', ...env },
        log,
      });
      running.add(child);
      return { child, said: () => readFileSync(log, 'utf8') };
    };

    it.each(['kinlog', 'kinlog-operator'])('%s says how it is used', async (program) => {
      const { child, said } = start([program, '--help']);
      expect(await once(child, 'exit'), said()).toEqual([0, null]);
      expect(said()).toContain(`Usage: ${program}`);
    });

    it('kinlog reads a stream, and keeps positions in LevelDB', async () => {
      const simulator = await startSimulatorProcess({ settings: { readLimits: false } });
      try {
        await simulator.control({ do: 'create', stream: 'logs', shards: 1 });
        await simulator.control({ do: 'put', stream: 'logs', key: 'k', data: 'from the image' });
        const data = path.join(folder, 'data');
        mkdirSync(data);
        writeFileSync(
          path.join(data, 'reader.yaml'),
          [
            'store: { kind: leveldb, directory: /data/positions }',
            'output: { kind: ndjson, file: /data/events }',
            `streams: [{ stream: logs, endpoint: "${simulator.url}", region: us-east-1, start: horizon }]`,
          ].join('\n'),
        );
        const env = { AWS_ACCESS_KEY_ID: 'AKIDTEST', AWS_SECRET_ACCESS_KEY: 'test' };
        const { child, said } = start(['kinlog', 'run', '--config', '/data/reader.yaml'], data, env);
        const events = path.join(data, 'events');
        await until(() => existsSync(events) && readFileSync(events, 'utf8').includes('from the image'), 'the event');
        child.kill('SIGTERM');
        expect(await once(child, 'exit'), said()).toEqual([0, null]);
        expect(readdirSync(path.join(data, 'positions'))).toContain('CURRENT');
      } finally {
        await simulator.close();
      }
    });
  });
});
