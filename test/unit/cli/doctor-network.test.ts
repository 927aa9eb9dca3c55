/** What `kinlog doctor --splunk` says of what a host reaches: splunkd, Kinesis, HTTP Event Collectors, and the clock. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { CA as HEC_CA } from '../../fakes/hec/hec.ts';
import { doctorScene, type DoctorScene } from './doctor-scene.ts';

let host: DoctorScene['host'];
let management: DoctorScene['management'];
let hec: DoctorScene['hec'];
let settings: string;
doctorScene((scene) => ({ host, management, hec, settings } = scene));

const troubles = () => host.troubles();

describe('splunkd', () => {
  it('that does not answer is a fault', async () => {
    await management.close();
    expect(await troubles()).toEqual([expect.stringMatching(/^fault splunkd: .*did not answer: ECONNREFUSED$/)]);
  });

  it('whose certificate another authority signed is a fault', async () => {
    host.write('etc/auth/cacert.pem', HEC_CA);
    expect(await troubles()).toEqual([expect.stringMatching(/^fault splunkd: the certificate of .* is not trusted/)]);
  });

  it('that listens on all addresses is called on this host', async () => {
    host.write('etc/system/local/web.conf', `[settings]\nmgmtHostPort = 0.0.0.0:${new URL(management.url).port}\n`);
    expect(await troubles()).toEqual([]);
  });

  it('whose management port is switched off is a fault', async () => {
    host.write('etc/system/local/server.conf', '[httpServer]\ndisableDefaultPort = true\n');
    expect(await troubles()).toEqual([expect.stringMatching(/^fault splunkd: server.conf switches/)]);
  });

  it('that does not know the session key is a fault, and the key is not shown', async () => {
    host.authorization = 'Splunk wrong-key-0123456789';
    const found = await host.look();
    expect(found.filter(({ level }) => level === 'fault').map(({ text }) => text)).toEqual([
      expect.stringMatching(/does not accept the token or session key given \(HTTP 401\)$/),
    ]);
    expect(JSON.stringify(found)).not.toContain('wrong-key');
  });

  describe('with positions in its KV store', () => {
    beforeEach(() => host.input('prod', `${settings}\ncheckpoint_store = kvstore`));

    it('says what it would need to ask for it', async () => {
      const found = (await host.look()).filter(({ level }) => level === 'skipped');
      expect(found.map(({ text }) => text)).toEqual([expect.stringContaining('KINLOG_SPLUNK_SESSION_KEY')]);
    });

    it('tells that it is ready', async () => {
      host.authorization = 'Bearer token-of-a-user';
      expect((await host.look()).map(({ text }) => text)).toContain('the KV store is ready');
    });

    it('tells that it is not', async () => {
      host.authorization = 'Bearer token-of-a-user';
      management.faults.kvStatus = 'failed';
      expect(await troubles()).toEqual(['fault splunkd: the KV store is not ready: failed']);
    });
  });
});

describe('the network', () => {
  const endpoint = (address: string) =>
    host.input('prod', `stream_name = logs\naws_region = eu-west-1\nkinesis_endpoint = ${address}`);
  const collector = (address: string, more = '') =>
    host.input('prod', `${settings}\noutput = hec\nhec_url = ${address}\nhec_credential = main\n${more}`);

  it('without a name for the endpoint is a fault about DNS', async () => {
    endpoint('https://kinesis.nowhere.invalid');
    const found = (await host.look()).filter(({ level }) => level === 'fault');
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ check: 'network', text: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) });
  });

  it('that answers nothing is told in time', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined));
    try {
      await once(server.listen(0, '127.0.0.1'), 'listening');
      endpoint(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      host.withinMs = 1000;
      expect(await troubles()).toEqual([
        expect.stringMatching(/^fault network: Kinesis at .* no answer within 800 ms$/),
      ]);
    } finally {
      server.close();
    }
  });

  it('with a certificate of an unknown authority names the option for it', async () => {
    const { url } = await hec.open({ tls: true });
    endpoint(url);
    const [found] = (await host.look()).filter(({ level }) => level === 'fault');
    expect(found).toMatchObject({
      text: expect.stringContaining('not trusted'),
      remedy: expect.stringContaining('ca_file'),
    });
  });

  it.each([
    [61_000, 'warning', 'ahead of'],
    [-61_000, 'warning', 'behind'],
    [301_000, 'fault', 'ahead of'],
  ])('tells of a clock that is %i ms wrong', async (skewMs, level, side) => {
    host.nowMs += skewMs + Math.sign(skewMs) * 1000;
    host.metrics('prod', { kind: 'stream', state: 'reading' });
    expect(await troubles()).toEqual([
      expect.stringMatching(`^${level} network: the clock of this host is .* ${side}`),
    ]);
  });

  it('does not use a proxy whose address is stored, and says so', async () => {
    host.input('prod', `${settings}\nproxy = office`);
    const found = (await host.look()).filter(({ level }) => level === 'skipped');
    expect(found.map(({ text }) => text)).toEqual([
      expect.stringContaining('the proxy office lies in the password storage'),
    ]);
  });

  it('goes through the proxy of splunkd’s environment', async () => {
    await management.close();
    const closed = new URL(management.url).host;
    host.write(
      'etc/splunk-launch.conf',
      `HTTPS_PROXY=http://me:pass@${closed}\nNO_PROXY=example.com,.direct.invalid\n`,
    );
    endpoint('https://kinesis.nowhere.invalid');
    const told = await troubles();
    // Not the name is missed, but the proxy.
    expect(told.filter((text) => text.startsWith('fault network'))).toEqual([expect.stringContaining('ECONNREFUSED')]);
    expect(told.join()).not.toContain('pass');
    endpoint('https://kinesis.direct.invalid');
    expect(await troubles()).toContainEqual(expect.stringMatching(/^fault network: .*(ENOTFOUND|EAI_AGAIN)/));
  });

  it('with a well collector is well, its own authority trusted', async () => {
    const { url } = await hec.open({ tls: true });
    const file = path.join(host.root, 'ca.pem');
    writeFileSync(file, HEC_CA);
    collector(url, `hec_ca_file = ${file}`);
    expect(await troubles()).toEqual([]);
  });

  it('with a certificate authority that can not be read names the file', async () => {
    collector('https://127.0.0.1:1', 'hec_ca_file = /none/ca.pem');
    expect(await troubles()).toEqual([
      'fault network: HEC at https://127.0.0.1:1: /none/ca.pem can not be read, or holds no certificate in PEM form',
    ]);
  });

  it('trusts for Kinesis an authority besides the usual ones', async () => {
    const { url } = await hec.open({ tls: true });
    const file = path.join(host.root, 'ca.pem');
    writeFileSync(file, HEC_CA);
    host.input('prod', `stream_name = logs\naws_region = eu-west-1\nkinesis_endpoint = ${url}\nca_file = ${file}`);
    expect(await troubles()).toEqual([]);
  });

  it('with a collector that is not well tells why', async () => {
    const port = await hec.open();
    port.faults.health = 18;
    collector(port.url);
    expect(await troubles()).toEqual([
      `fault network: HEC at ${port.url} is not well: HEC is unhealthy, queues are full (HTTP 503)`,
    ]);
  });

  it('with something else in its place tells that', async () => {
    collector(management.url, `hec_ca_file = ${host.file('etc/auth/cacert.pem')}`);
    expect(await troubles()).toHaveLength(1);
  });
});
