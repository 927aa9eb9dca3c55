/** Which authorities the certificate of the splunkd on this host is checked with. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { splunkdAuthorities } from '../../../splunk-app/input/authorities.ts';
import { Splunkd } from '../../../splunk-app/input/splunkd.ts';
import { TEST_CA } from '../../fakes/certificates.ts';
import { CA, FakeSplunkd } from '../../fakes/splunkd/splunkd.ts';

const { signal } = new AbortController();

describe('the authorities of the splunkd on this host', () => {
  let home: string;
  beforeEach(() => (home = mkdtempSync(path.join(tmpdir(), 'kinlog-authorities-'))));
  afterEach(() => rmSync(home, { recursive: true }));
  const write = (name: string, text: string) => {
    mkdirSync(path.dirname(path.join(home, name)), { recursive: true });
    writeFileSync(path.join(home, name), text);
  };

  it("are Splunk's own", async () => {
    write('etc/auth/cacert.pem', CA);
    expect(await splunkdAuthorities(home)).toBe(CA);
  });

  it.each([
    ['in the local settings of the system', 'etc/system/local/server.conf', '$SPLUNK_HOME/etc/auth/mine/ca.pem'],
    ['in an app that a deployment server has sent', 'etc/apps/org_ssl/default/server.conf', 'etc/auth/mine/ca.pem'],
  ])('are also the one that server.conf names %s', async (_, conf, setting) => {
    write('etc/auth/cacert.pem', TEST_CA);
    write('etc/auth/mine/ca.pem', CA);
    write(conf, `[sslConfig]\nsslRootCAPath = ${setting}\n`);
    expect(await splunkdAuthorities(home)).toBe(`${TEST_CA}\n${CA}`);
  });

  it('are those that can be read: a name that leads nowhere hides no other', async () => {
    write('etc/auth/cacert.pem', CA);
    write('etc/system/local/server.conf', '[sslConfig]\nsslRootCAPath = /nowhere/ca.pem\ncaCertFile = cacert.pem\n');
    expect(await splunkdAuthorities(home)).toBe(CA);
  });

  it('are the usual ones where there is no Splunk', async () => {
    expect(await splunkdAuthorities(home)).toBeUndefined();
    expect(await splunkdAuthorities('')).toBeUndefined();
    expect(await splunkdAuthorities(undefined)).toBeUndefined();
  });

  it('let a splunkd with a certificate of its own be called, and no other', async () => {
    const fake = new FakeSplunkd();
    const { url } = await fake.open();
    const call = async () => {
      const splunkd = new Splunkd({ url, sessionKey: 'session-key-of-the-input', env: { SPLUNK_HOME: home } });
      try {
        return await splunkd.serverRoles(signal);
      } finally {
        await splunkd.close();
      }
    };
    try {
      write('etc/auth/cacert.pem', TEST_CA);
      await expect(call()).rejects.toMatchObject({ code: 'KINLOG_TLS_UNTRUSTED' });
      write('etc/auth/mine/ca.pem', CA);
      write('etc/system/local/server.conf', '[sslConfig]\nsslRootCAPath = $SPLUNK_HOME/etc/auth/mine/ca.pem\n');
      expect(await call()).toContain('kv_store');
    } finally {
      await fake.close();
    }
  });
});
