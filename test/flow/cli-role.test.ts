/** An assumed role: the calls are signed with the credentials that STS gave. */
import { expect, it } from 'vitest';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { startSimulator } from '../fakes/kinesis/server.ts';
import { FakeSts } from '../fakes/sts.ts';
import { run } from './cli-process.ts';

const ROLE = 'arn:aws:iam::123456789012:role/writer';

it('--role-arn and its options are what STS is asked for, and its answer opens the stream', async () => {
  const sts = await new FakeSts().start();
  sts.roles.set(ROLE, { trusts: new Set(['test']), externalId: 'secret 7' });
  const fake = new FakeKinesis();
  fake.settings.accessKeys = sts.liveKeys;
  fake.createStream('s', 1);
  const simulator = await startSimulator(fake);
  try {
    const to = ['--stream-name=s', '--endpoint-url', simulator.url];
    const refused = await run('log2kinesis', ['check', ...to]);
    expect(refused.stderr).toMatch(/\(KINLOG_CREDENTIALS_REFUSED\)/);
    const role = [`--role-arn=${ROLE}`, '--external-id=secret 7'];
    const env = { AWS_ENDPOINT_URL_STS: sts.url };
    expect(await run('log2kinesis', ['check', ...to, ...role], { env })).toMatchObject({ status: 0, stderr: '' });
    const named = [...to, ...role, '--session-name=indexer-7', `--sts-endpoint-url=${sts.url}`];
    expect(await run('log2kinesis', ['check', ...named])).toMatchObject({ status: 0, stderr: '' });
    expect(sts.calls.map(({ sessionName }) => sessionName)).toEqual(['kinlog', 'indexer-7']);
    const wrong = await run('log2kinesis', ['check', ...to, `--role-arn=${ROLE}`, '--external-id=secret 8'], { env });
    expect(wrong.stderr).toMatch(/sts:AssumeRole.*\(KINLOG_PERMISSION_REFUSED\)/);
    expect(wrong.stderr).not.toContain('secret 8');
  } finally {
    await simulator.close();
    await sts.stop();
  }
});

it('what is wrong with the way to AWS is said before the first call, all of it', async () => {
  const args = ['check', '--stream-name=s', '--region=us-east-1', '--external-id=x', '--ca=/nonexistent.pem'];
  const { status, stderr } = await run('log2kinesis', args);
  expect(status).toBe(1);
  expect(stderr).toMatch(/externalId: .*roleArn.*ca: \/nonexistent\.pem .*ENOENT.*KINLOG_CONFIG_INVALID/);
  const password = await run('log2kinesis', [...args, '--proxy=http://u:SECRET@proxy:3128']);
  expect(password).toMatchObject({ status: 1 });
  expect(password.stderr).not.toContain('SECRET');
});
