/** How the API server is found and what is shown to it. */
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { connect } from '../../../../operator/kube/connection.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { TEST_CA } from '../../../fakes/certificates.ts';

const folders: string[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'kinlog-kubeconfig-'));
  folders.push(made);
  return made;
}

function kubeconfig(user: object, cluster: object = {}, context: object = {}, where = folder()): string {
  const file = path.join(where, 'config');
  const server = { server: 'https://kubernetes.test:6443/prefix/', 'certificate-authority': 'ca.crt', ...cluster };
  writeFileSync(path.join(where, 'ca.crt'), TEST_CA);
  writeFileSync(
    file,
    stringify({
      clusters: [{ name: 'c', cluster: server }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', ...context } }],
      'current-context': 'x',
    }),
  );
  return file;
}

test('a kubeconfig names the server, its authority, the namespace and the credentials', async () => {
  const file = kubeconfig({ token: 'hidden', 'client-certificate-data': btoa('C'), 'client-key-data': btoa('K') });
  const connection = await connect(file);
  expect(connection.server.href).toBe('https://kubernetes.test:6443/prefix');
  expect(connection.namespace).toBeUndefined();
  expect(await connection.access()).toEqual({
    headers: { authorization: 'Bearer hidden' },
    tls: { ca: TEST_CA, cert: 'C', key: 'K' },
  });
  expect((await connect(kubeconfig({ token: 'x' }, {}, { namespace: 'logs' }))).namespace).toBe('logs');
});

test('KUBECONFIG is read when no file is named', async () => {
  vi.stubEnv(
    'KUBECONFIG',
    kubeconfig({ token: 'x' }, { 'tls-server-name': 'other', 'insecure-skip-tls-verify': true }),
  );
  const { tls } = await (await connect()).access();
  expect(tls).toMatchObject({ servername: 'other', rejectUnauthorized: false });
});

test('TLS is checked unless the kubeconfig says otherwise', async () => {
  const { tls } = await (await connect(kubeconfig({ token: 'x' }))).access();
  expect(tls.rejectUnauthorized).not.toBe(false);
});

const tokenFile = (file: string) => ({ 'auth-provider': { name: 'tokenFile', config: { tokenFile: file } } });

test('a token that was renewed in its file is shown at the latest after a minute, and at once when the old one is refused', async () => {
  const where = folder();
  const file = path.join(where, 'token');
  writeFileSync(file, 'first\n');
  const clock = new FakeClock();
  const connection = await connect(kubeconfig(tokenFile(file)), clock);
  const shown = async () => (await connection.access()).headers['authorization'];
  const { tls } = await connection.access();
  expect(await shown()).toBe('Bearer first');
  writeFileSync(file, 'second\n');
  expect(await shown()).toBe('Bearer first');
  // client-node looks at the wall clock itself.
  vi.setSystemTime(Date.now() + 61_000);
  await clock.advance(5_000);
  expect(await shown()).toBe('Bearer second');
  writeFileSync(file, 'third\n');
  connection.renew();
  expect(await shown()).toBe('Bearer third');
  expect((await connection.access()).tls).toBe(tls);
});

test('an authority that was replaced makes for another way to connect', async () => {
  const where = folder();
  const clock = new FakeClock();
  const connection = await connect(kubeconfig({ token: 'x' }, {}, {}, where), clock);
  const before = (await connection.access()).tls;
  writeFileSync(path.join(where, 'ca.crt'), 'another');
  await clock.advance(10_000);
  const after = (await connection.access()).tls;
  expect(after).not.toBe(before);
  expect(after.ca).toBe('another');
});

/** As the kubelet lays out a projected volume: files behind a link that is replaced as a whole. */
class ServiceAccount {
  readonly root = folder();
  readonly #where = path.join(this.root, 'var/run/secrets/kubernetes.io/serviceaccount');
  #times = 0;

  constructor(files: Readonly<Record<string, string>>) {
    mkdirSync(this.#where, { recursive: true });
    for (const name of Object.keys(files)) symlinkSync(path.join('..data', name), path.join(this.#where, name));
    this.write(files);
  }

  write(files: Readonly<Record<string, string>>): void {
    const version = `..${++this.#times}`;
    mkdirSync(path.join(this.#where, version));
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(this.#where, version, name), text);
    symlinkSync(version, path.join(this.#where, '..data_tmp'));
    renameSync(path.join(this.#where, '..data_tmp'), path.join(this.#where, '..data'));
  }
}

function inPod(host = '10.0.0.1'): void {
  vi.stubEnv('KUBECONFIG', '');
  vi.stubEnv('KUBERNETES_SERVICE_HOST', host);
  vi.stubEnv('KUBERNETES_SERVICE_PORT', '443');
}

test('a pod speaks as its service account, in its namespace, to a server of its authority', async () => {
  inPod();
  const { root } = new ServiceAccount({ token: 'first', 'ca.crt': TEST_CA, namespace: 'kinlog-system' });
  const connection = await connect(undefined, new FakeClock(), root);
  expect(connection.server.origin).toBe('https://10.0.0.1');
  expect(connection.namespace).toBe('kinlog-system');
  const { headers, tls } = await connection.access();
  expect(headers).toEqual({ authorization: 'Bearer first' });
  expect(tls.ca).toBe(TEST_CA);
  expect(tls.rejectUnauthorized).not.toBe(false);
});

test('a pod whose token and authority the kubelet replaces shows the new ones without being started anew', async () => {
  inPod();
  const account = new ServiceAccount({ token: 'first', 'ca.crt': TEST_CA, namespace: 'n' });
  const clock = new FakeClock();
  const connection = await connect(undefined, clock, account.root);
  const before = await connection.access();
  account.write({ token: 'second', 'ca.crt': 'another', namespace: 'n' });
  // client-node looks at the wall clock itself.
  vi.setSystemTime(Date.now() + 61_000);
  await clock.advance(5_000);
  const after = await connection.access();
  expect(after.headers).toEqual({ authorization: 'Bearer second' });
  expect(after.tls.ca).toBe('another');
  expect(after.tls).not.toBe(before.tls);
  account.write({ token: 'third', 'ca.crt': 'another', namespace: 'n' });
  connection.renew();
  expect((await connection.access()).headers).toEqual({ authorization: 'Bearer third' });
});

test('a pod finds a server that has an IPv6 address', async () => {
  inPod('fd00::1');
  const { root } = new ServiceAccount({ token: 'x', 'ca.crt': TEST_CA, namespace: 'n' });
  expect((await connect(undefined, new FakeClock(), root)).server.host).toBe('[fd00::1]');
});

test('a service account without the address of a server is told', async () => {
  inPod();
  vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined);
  vi.stubEnv('KUBERNETES_SERVICE_PORT', undefined);
  const { root } = new ServiceAccount({ token: 'x', 'ca.crt': TEST_CA, namespace: 'n' });
  await expect(connect(undefined, new FakeClock(), root)).rejects.toMatchObject({ code: 'KINLOG_CONFIG_INVALID' });
});

test('a program gives the credentials, and is asked again when they are refused', async () => {
  const where = folder();
  const program = path.join(where, 'login');
  const answer = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token: 'T' } };
  writeFileSync(program, `#!/bin/sh\necho run >> ${where}/runs\necho '${JSON.stringify(answer)}'\n`);
  chmodSync(program, 0o755);
  const connection = await connect(kubeconfig({ exec: { command: program, args: [] } }));
  expect((await connection.access()).headers).toEqual({ authorization: 'Bearer T' });
  await connection.access();
  const { readFileSync } = await import('node:fs');
  expect(readFileSync(`${where}/runs`, 'utf8')).toBe('run\n');
  connection.renew();
  await connection.access();
  expect(readFileSync(`${where}/runs`, 'utf8')).toBe('run\nrun\n');
});

test('a failure to read the credentials is not kept', async () => {
  const where = folder();
  const file = path.join(where, 'token');
  const connection = await connect(kubeconfig(tokenFile(file)));
  await expect(connection.access()).rejects.toThrow();
  writeFileSync(file, 'first');
  expect((await connection.access()).headers).toEqual({ authorization: 'Bearer first' });
});

test.each([
  ['a file that is not there', () => path.join(folder(), 'none')],
  [
    'a file that is no kubeconfig',
    () => {
      const file = path.join(folder(), 'config');
      writeFileSync(file, 'users: [{ name: u, user: { token: hidden } }\n');
      return file;
    },
  ],
  ['a server without an address', () => kubeconfig({}, { server: 'no address' })],
  ['a proxy', () => kubeconfig({}, { 'proxy-url': 'http://proxy.test' })],
])('%s is told without what is in it', async (_, file) => {
  const error: unknown = await connect(file()).catch((failure: unknown) => failure);
  expect(error).toMatchObject({ code: 'KINLOG_CONFIG_INVALID' });
  expect((error as Error).message).not.toContain('hidden');
});

test('without a kubeconfig and outside of a cluster nothing is assumed', async () => {
  vi.stubEnv('KUBECONFIG', '');
  await expect(connect()).rejects.toMatchObject({ code: 'KINLOG_CONFIG_INVALID', message: /neither/ });
});
