/** The connection that a command's options describe. */
import type { KinesisClient } from '@aws-sdk/client-kinesis';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { connectKinesis, type KinesisConnection } from '../base/aws.ts';
import type { ConnectionValues } from './connection-options.ts';

export function connectionOf(values: ConnectionValues): KinesisConnection {
  const { roleArn, externalId } = values;
  return {
    stream: values.streamName,
    region: values.region,
    endpoint: values.endpointUrl,
    ...(roleArn === undefined
      ? {}
      : {
          credentials: fromTemporaryCredentials({
            params: {
              RoleArn: roleArn,
              RoleSessionName: 'kinlog',
              ...(externalId === undefined ? {} : { ExternalId: externalId }),
            },
          }),
        }),
  };
}

export function connect(values: ConnectionValues): KinesisClient {
  return connectKinesis(connectionOf(values));
}
