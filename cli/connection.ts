/** The connection that a command's options describe. */
import type { KinesisClient } from '@aws-sdk/client-kinesis';
import { connectKinesis, type KinesisConnection } from '../base/aws.ts';
import type { ConnectionValues } from './connection-options.ts';

export function connectionOf(values: ConnectionValues): KinesisConnection {
  const { region, profile, roleArn, externalId, sessionName, webIdentityTokenFile, ca, proxy } = values;
  return {
    stream: values.streamName,
    endpoint: values.endpointUrl,
    stsEndpoint: values.stsEndpointUrl,
    ...{ region, profile, roleArn, externalId, sessionName, webIdentityTokenFile, ca, proxy },
  };
}

export function connect(values: ConnectionValues): KinesisClient {
  return connectKinesis(connectionOf(values));
}
