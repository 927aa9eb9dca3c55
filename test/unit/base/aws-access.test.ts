/** A description of the way to AWS that can not work is refused before the first call. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { awsClientConfig, type AwsAccess } from '../../../base/aws-access.ts';
import { networkFaults } from '../../../base/aws-network.ts';
import { isKinlogError } from '../../../base/errors.ts';

const ROLE = 'arn:aws:iam::123456789012:role/reader';

beforeEach(() => {
  for (const name of ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY', 'AWS_CA_BUNDLE'])
    vi.stubEnv(name, undefined);
});
afterEach(() => vi.unstubAllEnvs());

function faultsOf(access: AwsAccess): string[] {
  try {
    awsClientConfig(access);
    return [];
  } catch (error) {
    if (!isKinlogError(error, 'KINLOG_CONFIG_INVALID')) throw error;
    return error.message.split('; ');
  }
}

describe('an access to AWS', () => {
  it('without anything leaves all to the SDK but connections and retries', () => {
    expect(Object.keys(awsClientConfig({})).sort()).toEqual(['maxAttempts', 'requestHandler', 'retryMode']);
  });

  it('is refused with all its faults at once, and without the password of a proxy', () => {
    const faults = faultsOf({
      externalId: 'x',
      stsEndpoint: 'http://127.0.0.1',
      sessionName: '?',
      ca: '/nonexistent/ca.pem',
      proxy: 'socks5://reader:SECRET@proxy:1080',
    });
    expect(faults.map((fault) => fault.split(':')[0])).toEqual([
      'externalId, sessionName, stsEndpoint',
      'sessionName',
      'proxy',
      'ca',
    ]);
    expect(faults.join()).not.toContain('SECRET');
    expect(faultsOf({ roleArn: ROLE, webIdentityTokenFile: '/t', externalId: 'x' })).toHaveLength(1);
  });

  it('names the environment when the fault is there', () => {
    vi.stubEnv('HTTPS_PROXY', 'proxy:3128');
    vi.stubEnv('AWS_CA_BUNDLE', '/nonexistent/ca.pem');
    const faults = faultsOf({});
    expect(faults).toHaveLength(2);
    expect(faults[0]).toMatch(/^HTTPS_PROXY: /);
    expect(faults[1]).toMatch(/^AWS_CA_BUNDLE: .*ENOENT/);
  });

  it('takes no proxy on a Node that would go past it', () => {
    const proxy = 'http://proxy.example.com:3128';
    expect(networkFaults({ proxy }, '22.19.0').join()).toMatch(/22\.21/);
    expect(networkFaults({ proxy }, '23.11.0')).toHaveLength(1);
    expect(networkFaults({ proxy }, '22.21.0')).toEqual([]);
    expect(networkFaults({ proxy }, '26.0.0')).toEqual([]);
    expect(networkFaults({}, '22.19.0')).toEqual([]);
  });

  it('takes only files that hold a certificate as authority', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'kinlog-ca-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const ca = path.join(folder, 'ca.pem');
    writeFileSync(ca, 'no certificate');
    expect(networkFaults({ ca }).join()).toContain('holds no certificate');
    writeFileSync(ca, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    expect(networkFaults({ ca }).join()).toContain('can not be used');
  });
});
