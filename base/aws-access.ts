/** One description of how AWS is reached, for the stream and, with values of its own, for the table. */
import type { KinesisClientConfig } from '@aws-sdk/client-kinesis';
import { roleCredentials, type AwsCredentials } from './aws-credentials.ts';
import { networkFaults, networkHandler, type NetworkAccess } from './aws-network.ts';
import { KinlogError } from './errors.ts';

export interface AwsAccess extends NetworkAccess {
  /** AWS_REGION and the shared configuration files decide otherwise. */
  readonly region?: string | undefined;
  /** `http://` or `https://` address to talk to instead of AWS. */
  readonly endpoint?: string | undefined;
  /** Of the shared configuration files; AWS_PROFILE otherwise. */
  readonly profile?: string | undefined;
  /** What the calls are signed with or, with `roleArn`, what the role is asked for with. The SDK's default chain otherwise: environment, shared files, SSO, process, container, instance. */
  readonly credentials?: KinesisClientConfig['credentials'];
  /** Role to assume; renewed before its credentials expire. */
  readonly roleArn?: string | undefined;
  /** What the role's trust policy asks for. */
  readonly externalId?: string | undefined;
  /** As CloudTrail shows the calls; default `kinlog`. */
  readonly sessionName?: string | undefined;
  /** The role is asked for with the token in this file, which is read again at every renewal. */
  readonly webIdentityTokenFile?: string | undefined;
  /** STS is asked here instead of at its address in the region. */
  readonly stsEndpoint?: string | undefined;
  /** Takes the place of the network in tests, for STS too. */
  readonly requestHandler?: KinesisClientConfig['requestHandler'];
}

/** Constructor options that every AWS client takes. */
export interface AwsClientConfig {
  readonly region?: string;
  readonly endpoint?: string;
  readonly profile?: string;
  readonly credentials?: AwsCredentials;
  readonly requestHandler: NonNullable<KinesisClientConfig['requestHandler']>;
  readonly maxAttempts: number;
  readonly retryMode: 'standard';
}

/** Throws KINLOG_CONFIG_INVALID with everything that is wrong about the access. Clients made from one answer share its connections and its credentials. */
export function awsClientConfig(access: AwsAccess): AwsClientConfig {
  const faults = [...roleFaults(access), ...networkFaults(access)];
  if (faults.length > 0) throw new KinlogError('KINLOG_CONFIG_INVALID', faults.join('; '));
  const { region, endpoint, profile } = access;
  const requestHandler = access.requestHandler ?? networkHandler(access);
  const credentials =
    access.roleArn === undefined
      ? access.credentials
      : roleCredentials({ ...access, roleArn: access.roleArn, requestHandler });
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { profile }),
    ...(credentials === undefined ? {} : { credentials }),
    requestHandler,
    // A retry inside the SDK would spend the five calls a second of a shard without telling its pace.
    maxAttempts: 1,
    retryMode: 'standard',
  };
}

/** RoleSessionName in the API reference of AssumeRole. */
const SESSION_NAME = /^[\w+=,.@-]{2,64}$/;

function roleFaults(access: AwsAccess): string[] {
  const { roleArn, externalId, sessionName, webIdentityTokenFile, stsEndpoint, credentials } = access;
  const faults: string[] = [];
  if (roleArn === undefined) {
    const given = Object.entries({ externalId, sessionName, webIdentityTokenFile, stsEndpoint })
      .filter(([, value]) => value !== undefined)
      .map(([name]) => name);
    if (given.length > 0) faults.push(`${given.join(', ')}: of no use without a role (roleArn)`);
  }
  if (sessionName !== undefined && !SESSION_NAME.test(sessionName))
    faults.push('sessionName: must be 2 to 64 letters, digits or _+=,.@-');
  if (webIdentityTokenFile !== undefined && (externalId !== undefined || credentials !== undefined))
    faults.push('webIdentityTokenFile: the token alone asks for the role, without externalId and credentials');
  return faults;
}
