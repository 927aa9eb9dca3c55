/** How a stanza reaches AWS. */
import type { AwsAccess } from '../../base/aws-access.ts';
import type { StanzaOptions } from './options.ts';
import type { Secrets } from './secrets.ts';

/** Without an endpoint, which each service has for itself. */
export function awsAccess(options: StanzaOptions, { aws, proxy }: Secrets): AwsAccess {
  const { awsRegion: region, awsRoleArn: roleArn, awsExternalId: externalId, stsEndpoint, caFile: ca } = options;
  return { region, roleArn, externalId, stsEndpoint, ca, proxy, credentials: aws };
}
