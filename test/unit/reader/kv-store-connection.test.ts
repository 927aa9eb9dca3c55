/** How splunkd is reached: every fault of a configuration, and which certificates are trusted. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { describeError } from '../../../base/errors.ts';
import { openKvStore, type KvStoreOptions } from '../../../reader/checkpoint/kv-store.ts';
import { all } from '../../contract/store-rows.ts';
import { kvScene, SESSION } from '../../fakes/splunkd/kv-stores.ts';
import { CA } from '../../fakes/splunkd/splunkd.ts';

const scene = kvScene();
afterEach(() => scene.dispose());

const faultsOf = (options: Partial<KvStoreOptions>): string => {
  try {
    openKvStore({ url: 'https://127.0.0.1:8089', app: 'kinloader', auth: SESSION, env: {}, ...options });
    return '';
  } catch (error) {
    expect(error).toMatchObject({ code: 'KINLOG_CONFIG_INVALID' });
    return describeError(error);
  }
};

test('all faults of a configuration are named at once, and no password in an address', () => {
  const said = faultsOf({ url: 'ftp://admin:changeme@host', app: 'a/b', collection: '../x', ca: '/nowhere.pem' });
  for (const part of ['url:', 'app: "a/b"', 'collection: "../x"', 'ca: /nowhere.pem can not be read: ENOENT'])
    expect(said).toContain(part);
  expect(said).not.toContain('changeme');
});

test.each<[string, Partial<KvStoreOptions>, string]>([
  ['no address', { url: 'splunk' }, 'is no address such as'],
  ['credentials in the address', { url: 'https://admin:changeme@127.0.0.1:8089' }, 'no user and password belong there'],
  ['another host without TLS', { url: 'http://splunk.example.com:8089' }, 'another host, so it must be https'],
  ['another host unchecked', { url: 'https://splunk.example.com:8089', verify: false }, 'must be checked'],
])('%s is refused', (_, options, said) => {
  expect(faultsOf(options)).toContain(said);
  expect(faultsOf(options)).not.toContain('changeme');
});

test('on this host a certificate may go unchecked when that is asked for, and TLS may be off', () => {
  for (const url of ['https://127.0.0.1:8089', 'https://[::1]:8089', 'https://localhost:8089', 'http://127.0.0.1:8089'])
    expect(faultsOf({ url, verify: false })).toBe('');
});

test('a certificate that nobody vouches for is refused, with what to do about it', async () => {
  const { store } = await scene.open({ ca: undefined, env: {} });
  await expect(all(store)).rejects.toMatchObject({ code: 'KINLOG_TLS_UNTRUSTED', retry: 'slow' });
});

test('a certificate of this host is checked with the CA that is given as text, as a file, or lies where Splunk has it', async () => {
  const home = await mkdtemp(path.join(tmpdir(), 'kinlog-splunk-'));
  try {
    await mkdir(path.join(home, 'etc/auth'), { recursive: true });
    const file = path.join(home, 'etc/auth/cacert.pem');
    await writeFile(file, CA);
    const ways: Partial<KvStoreOptions>[] = [{ ca: CA }, { ca: file }, { ca: undefined, env: { SPLUNK_HOME: home } }];
    for (const way of ways) expect(await all((await scene.open({ env: {}, ...way })).store)).toEqual([]);
  } finally {
    await rm(home, { recursive: true });
  }
});

test('with verify false no certificate is needed on this host', async () => {
  const { store } = await scene.open({ ca: undefined, env: {}, verify: false });
  expect(await all(store)).toEqual([]);
});

test('a server that speaks no TLS is told from one that is away', async () => {
  const { url, close } = await scene.splunkd.open({ tls: false });
  const plain = await scene.open({ url: url.replace('http:', 'https:') });
  await expect(all(plain.store)).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_UNAVAILABLE', retry: 'slow' });
  await close();
  await expect(all(plain.store)).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_UNAVAILABLE', retry: 'soon' });
});
