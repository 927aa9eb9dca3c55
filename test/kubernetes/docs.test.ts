/** What the pages of docs/kubernetes tell people to type, typed as it stands there, each block while the LogStream of the quick start runs. */
import { execFile } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { until } from '../flow/cli-process.ts';
import { numbered } from '../flow/run-scene.ts';
import { builtFile } from './build.ts';
import { merged, type Change } from './crd-change.ts';
import { manifests } from './helm.ts';
import { Scene, TOKEN, type Deployment } from './scene.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const BLOCK_MS = 110_000;
/** The definition goes with the last one. */
const PAGES = ['quick-start', 'troubleshooting', 'operate', 'iam', 'gitops', 'upgrade', 'uninstall'];
/** What has a test of its own, or can have none here. */
const ELSEWHERE = /^(make|helm|echo) /;

const page = (name: string) => readFileSync(path.join(ROOT, `docs/kubernetes/${name}.md`), 'utf8');
const blocks = (name: string): string[] =>
  [...page(name).matchAll(/^( *)```sh\n([^]*?)^ *```$/gm)]
    .map(([, indent, text]) => text!.replaceAll(new RegExp(`^${indent!}`, 'gm'), ''))
    .filter((text) => !ELSEWHERE.test(text));
const all = PAGES.flatMap((name) => blocks(name).map((text) => ({ name, text, title: text.split('\n')[0]! })));
const [secrets, ...others] = all;

let scene: Scene;
let folder: string;
let env: NodeJS.ProcessEnv;
let stream: string;

beforeAll(async () => {
  scene = await Scene.start();
  folder = path.join(scene.folder, 'typed');
  mkdirSync(path.join(folder, 'bin'), { recursive: true });
  mkdirSync(path.join(folder, 'logstreams'));
  writeFileSync(path.join(folder, 'bin/kubectl'), `#!/bin/sh\nexec ${builtFile()} kubectl "$@"\n`, { mode: 0o755 });
  mkdirSync(path.join(folder, 'dist/bin'), { recursive: true });
  const sender = `#!/bin/sh\nexec ${process.execPath} ${path.join(ROOT, 'cli/log2kinesis.ts')} "$@"\n`;
  writeFileSync(path.join(folder, 'dist/bin/log2kinesis'), sender, { mode: 0o755 });
  mkdirSync(path.join(folder, 'crds'));
  copyFileSync(path.join(ROOT, 'crds/logstreams.yaml'), path.join(folder, 'crds/logstreams.yaml'));
  // Of their own: commands change its context.
  const config = path.join(folder, 'kubeconfig');
  copyFileSync(scene.plane.kubeconfig('admin'), config);
  env = {
    PATH: `${path.join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    KUBECONFIG: config,
    KUBECACHEDIR: path.join(folder, 'cache'),
    HEC_TOKEN: TOKEN,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_KINESIS: scene.simulator.url,
  };
  stream = await scene.newStream();
  writeLogStream();
});
afterAll(() => scene.stop());

/** That of the quick start, with the addresses of what is here. */
function writeLogStream(): void {
  const [, text] = /^```yaml\n(# access-logs\.yaml\n[^]*?)^```$/m.exec(page('quick-start'))!;
  const { spec, ...object } = parse(text!) as { spec: { outputs: [{ splunkHEC: object }] } };
  const [output] = spec.outputs;
  const change: Change = {
    source: { streamName: stream, endpoint: scene.simulator.url, startPosition: { type: 'TrimHorizon' } },
    checkpoint: { leasePeriodSeconds: 2, dynamoDB: { endpoint: scene.dynamo.url } },
    outputs: [{ ...output, splunkHEC: { ...output.splunkHEC, urls: [scene.hec.url] } }],
  };
  const here = stringify({ ...object, spec: merged(spec, change) });
  for (const file of ['access-logs.yaml', 'logstreams/access-logs.yaml']) writeFileSync(path.join(folder, file), here);
}

const type = async (text: string): Promise<string> => {
  const options = { cwd: folder, env, timeout: BLOCK_MS };
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', text], options);
  return stdout;
};

/** Long, for the garbage collector looks for new kinds every 30 s only: a LogStream that goes sooner leaves its reader behind so long, and one of its name waits. */
const running = (): Promise<string> =>
  type(`kubectl apply -f access-logs.yaml
kubectl wait --for=condition=Ready logstream/access-logs --timeout=100s`);

describe('the commands of the pages', () => {
  const put: string[] = [];

  it('make the namespace and the Secrets of the quick start', async () => {
    expect(secrets).toMatchObject({ name: 'quick-start' });
    await type(secrets!.text);
    await running();
  });

  it('send the line of the quick start to Splunk', async () => {
    const [, text] = /^```sh\n(echo [^]*?)^```$/m.exec(page('quick-start'))!;
    await type(text!.replace('--stream-name access-logs', `--stream-name ${stream}`));
    await until(() => scene.accepted('').some((event) => event.endsWith(' Test log entry')), 'the line in Splunk');
  });

  it.each(others)('of $name: $title', async ({ text }) => {
    await running();
    const texts = numbered('typed', 10, put.length);
    put.push(...texts);
    await scene.put(stream, texts);
    expect((await type(text.replaceAll('NAME\n', 'access-logs\n'))).trim()).not.toBe('');
  });

  it('have lost no event, even after the definition was deleted and is there again', async () => {
    await type('kubectl apply --server-side -f crds/logstreams.yaml');
    await scene.waitFor('condition=Established', 'crd/logstreams.kinlog.io', 'default');
    await running();
    await scene.arrived(put, 'typed ');
  });
});

describe('docs/kubernetes/install.md', () => {
  it('names the image of operator and readers in its kustomization', async () => {
    const [, text] = /^```yaml\n(# kustomization\.yaml[^]*?)^```$/m.exec(page('install'))!;
    const here = path.join(folder, 'kustomize');
    cpSync(path.join(ROOT, 'operator/deploy/kustomize'), path.join(here, 'operator/deploy/kustomize'), {
      recursive: true,
    });
    writeFileSync(path.join(here, 'kustomization.yaml'), text!);
    const objects = manifests(await type('kubectl kustomize kustomize'));
    const deployment = objects.find(({ kind }) => kind === 'Deployment') as unknown as Deployment;
    const { image, env: variables } = deployment.spec.template.spec.containers[0]!;
    expect(image).toMatch(/^REGISTRY\/kinlog:/);
    expect(variables).toContainEqual({ name: 'KINLOG_READER_IMAGE', value: image });
  });
});
