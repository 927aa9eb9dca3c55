/** Credentials of a role: asked for at STS, once however many calls wait for them, and anew before they expire. */
import { access as probe, constants } from 'node:fs/promises';
import type { KinesisClientConfig } from '@aws-sdk/client-kinesis';
import { fromAws } from './aws-errors.ts';
import { systemClock, type Clock } from './clock.ts';
import { KinlogError } from './errors.ts';

export type AwsCredentials = NonNullable<KinesisClientConfig['credentials']>;
type Provider = Extract<AwsCredentials, (...args: never) => unknown>;
type Identity = Awaited<ReturnType<Provider>>;
/** What the SDK tells a provider about the client that asks: its region above all. */
type Caller = Parameters<Provider>[0];

export interface RoleAccess {
  readonly roleArn: string;
  readonly region?: string | undefined;
  readonly profile?: string | undefined;
  readonly credentials?: AwsCredentials | undefined;
  readonly externalId?: string | undefined;
  readonly sessionName?: string | undefined;
  readonly webIdentityTokenFile?: string | undefined;
  readonly stsEndpoint?: string | undefined;
  readonly requestHandler: NonNullable<KinesisClientConfig['requestHandler']>;
}

/** Every role allows an hour, and one that is assumed from another role no more (API reference of AssumeRole). */
const SESSION_S = 3600;
const SESSION_NAME = 'kinlog';

export function roleCredentials(access: RoleAccess): Provider {
  const { roleArn, region, webIdentityTokenFile } = access;
  const byToken = webIdentityTokenFile !== undefined;
  const call = {
    operation: byToken ? 'AssumeRoleWithWebIdentity' : 'AssumeRole',
    resource: roleArn,
    region,
    service: 'sts',
  };
  // One for all renewals, because it keeps its connection to STS and the credentials with which it asks.
  let asking: Promise<Provider> | undefined;
  return renewed(async (caller) => {
    try {
      if (byToken) await tokenReadable(webIdentityTokenFile);
      asking ??= byToken ? byWebIdentity(access, webIdentityTokenFile) : byAssumption(access);
      return await (
        await asking
      )(caller);
    } catch (error) {
      throw fromAws(error, call);
    }
  });
}

async function byAssumption(access: RoleAccess): Promise<Provider> {
  const { fromNodeProviderChain, fromTemporaryCredentials } = await import('@aws-sdk/credential-providers');
  const { roleArn, externalId, sessionName = SESSION_NAME, profile, requestHandler } = access;
  return fromTemporaryCredentials({
    params: {
      RoleArn: roleArn,
      RoleSessionName: sessionName,
      DurationSeconds: SESSION_S,
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
    },
    masterCredentials:
      access.credentials ??
      fromNodeProviderChain({ clientConfig: { requestHandler }, ...(profile === undefined ? {} : { profile }) }),
    clientConfig: stsConfig(access),
  });
}

async function byWebIdentity(access: RoleAccess, webIdentityTokenFile: string): Promise<Provider> {
  const { fromTokenFile } = await import('@aws-sdk/credential-providers');
  const { roleArn, sessionName = SESSION_NAME } = access;
  return fromTokenFile({
    roleArn,
    webIdentityTokenFile,
    roleSessionName: sessionName,
    durationSeconds: SESSION_S,
    clientConfig: stsConfig(access),
  });
}

function stsConfig({ region, profile, stsEndpoint, requestHandler }: RoleAccess) {
  return {
    requestHandler,
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    ...(stsEndpoint === undefined ? {} : { endpoint: stsEndpoint }),
  };
}

async function tokenReadable(file: string): Promise<void> {
  await probe(file, constants.R_OK).catch((error: unknown) => {
    const { code = 'no reason given' } = error as NodeJS.ErrnoException;
    throw new KinlogError('KINLOG_CREDENTIALS_MISSING', `the web identity token ${file} can not be read (${code})`, {
      remedy: 'Check the path; in Kubernetes, that a service account token is projected there.',
    });
  });
}

/** Renewal begins so long before the end; of short sessions, with the last quarter. */
const RENEW_BEFORE_MS = 300_000;
/** A call with credentials that end sooner waits for new ones: it could arrive too late with the old ones. */
const ARRIVAL_MS = 5_000;
/** Between two attempts to renew while the old ones are still good. */
const RENEW_AGAIN_MS = 10_000;

interface Session {
  readonly identity: Identity;
  /** By the monotonic clock, for a wall clock that runs behind or jumps. */
  readonly endMs: number;
  readonly renewMs: number;
}

/** Answers with what `obtain` gave last. While that is good a failed renewal is tried again beside the calls; then they wait for it, and fail with it. */
export function renewed(obtain: (caller: Caller) => Promise<Identity>, clock: Clock = systemClock): Provider {
  let session: Session | undefined;
  let renewal: Promise<Session> | undefined;
  let notBeforeMs = 0;
  const renew = (caller: Caller): Promise<Session> =>
    (renewal ??= begin(obtain, caller, clock)
      .then((begun) => (session = begun))
      .finally(() => {
        renewal = undefined;
        notBeforeMs = clock.monotonic() + RENEW_AGAIN_MS;
      }));
  const provider = async (caller: Caller): Promise<Identity> => {
    if (session === undefined || leftMs(session, clock) < ARRIVAL_MS) return (await renew(caller)).identity;
    if (clock.monotonic() >= Math.max(session.renewMs, notBeforeMs)) renew(caller).catch(() => undefined);
    return session.identity;
  };
  // The SDK's own memory asks for every call anew during the last five minutes of a session.
  return Object.assign(provider, { memoized: true });
}

async function begin(obtain: (caller: Caller) => Promise<Identity>, caller: Caller, clock: Clock): Promise<Session> {
  const asked = clock.monotonic();
  const identity = await obtain(caller);
  const { expiration } = identity;
  if (expiration === undefined) return { identity, endMs: Infinity, renewMs: Infinity };
  // A wall clock that runs behind must not make a session longer than was asked for.
  const lengthMs = Math.min(expiration.getTime() - clock.now(), SESSION_S * 1000);
  if (lengthMs <= 0)
    throw new KinlogError(
      'KINLOG_CREDENTIALS_REFUSED',
      `STS gave credentials that end at ${expiration.toISOString()}, which this host's clock has passed`,
      { remedy: 'Set the clock of this host.' },
    );
  return { identity, endMs: asked + lengthMs, renewMs: asked + lengthMs - Math.min(RENEW_BEFORE_MS, lengthMs / 4) };
}

/** By whichever clock says less: the monotonic one stands still while the host sleeps. */
function leftMs({ identity, endMs }: Session, clock: Clock): number {
  const byWall = identity.expiration === undefined ? Infinity : identity.expiration.getTime() - clock.now();
  return Math.min(byWall, endMs - clock.monotonic());
}
