/** An assumed role: the calls are signed with the credentials that STS gave. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { startSimulator } from '../fakes/kinesis/server.ts';
import { run } from './cli-process.ts';

it('--role-arn and --external-id are what STS is asked for, and its answer opens the stream', async () => {
  const fake = new FakeKinesis();
  fake.settings.accessKeys = new Set(['ASIAROLE']);
  fake.createStream('s', 1);
  const simulator = await startSimulator(fake);
  const asked: string[] = [];
  const sts = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      asked.push(body);
      response.writeHead(200, { 'content-type': 'text/xml' }).end(`<AssumeRoleResponse><AssumeRoleResult><Credentials>
        <AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>k</SecretAccessKey><SessionToken>t</SessionToken>
        <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`);
    });
  }).listen(0, '127.0.0.1');
  await once(sts, 'listening');
  try {
    const to = ['--stream-name=s', '--endpoint-url', simulator.url];
    const refused = await run('log2kinesis', ['check', ...to]);
    expect(refused.stderr).toMatch(/\(KINLOG_CREDENTIALS_REFUSED\)/);
    const role = ['--role-arn=arn:aws:iam::123456789012:role/writer', '--external-id=secret 7'];
    const env = { AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${(sts.address() as AddressInfo).port}` };
    expect(await run('log2kinesis', ['check', ...to, ...role], { env })).toMatchObject({ status: 0, stderr: '' });
    expect(Object.fromEntries(new URLSearchParams(asked[0]))).toMatchObject({
      Action: 'AssumeRole',
      RoleArn: 'arn:aws:iam::123456789012:role/writer',
      ExternalId: 'secret 7',
      RoleSessionName: 'kinlog',
    });
  } finally {
    sts.close();
    sts.closeAllConnections();
    await simulator.close();
  }
});
