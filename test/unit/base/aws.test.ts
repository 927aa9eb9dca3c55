/** How a connection to Kinesis is set up. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { GetRecordsCommand } from '@aws-sdk/client-kinesis';
import { describe, expect, it } from 'vitest';
import { connectKinesis } from '../../../base/aws.ts';
import { fromAws } from '../../../base/aws-errors.ts';

const ARN = 'arn:aws:kinesis:eu-central-1:123456789012:stream/logs';
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' };
const CALL = { operation: 'GetRecords', resource: 'logs' };

describe('a connection to Kinesis', () => {
  it('takes the region from the option, then from the ARN', async () => {
    expect(await connectKinesis({ stream: ARN }).config.region()).toBe('eu-central-1');
    expect(await connectKinesis({ stream: ARN, region: 'us-west-2' }).config.region()).toBe('us-west-2');
  });

  it.each([
    ['no region that can be a host name', { region: 'us east 1' }],
    ['no address', { region: 'us-east-1', endpoint: 'nonsense' }],
  ])('with %s fails as a fault of configuration', async (_, connection) => {
    const call = async () => {
      const client = connectKinesis({ credentials, ...connection });
      await client.send(new GetRecordsCommand({ ShardIterator: 'x' }));
    };
    const failure = await call().catch((error: unknown) => fromAws(error, CALL));
    expect(failure).toMatchObject({ code: 'KINLOG_CONFIG_INVALID' });
  });

  it('prints nothing of its own, also without credentials', async () => {
    const script = `
      import { connectKinesis } from './base/aws.ts';
      import { fromAws } from './base/aws-errors.ts';
      import { GetRecordsCommand } from '@aws-sdk/client-kinesis';
      const client = connectKinesis({ region: 'us-east-1' });
      await client.send(new GetRecordsCommand({ ShardIterator: 'x' })).catch((error) => {
        console.log(fromAws(error, { operation: 'GetRecords', resource: 'logs' }).code);
      });`;
    const env = { AWS_EC2_METADATA_DISABLED: 'true', HOME: '/nonexistent', NODE_OPTIONS: '' };
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { env, timeout: 20_000 });
    expect(await run).toEqual({ stdout: 'KINLOG_CREDENTIALS_MISSING\n', stderr: '' });
  });
});
