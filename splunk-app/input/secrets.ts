/** The secrets of one stanza: those that it names, from Splunk's password storage; those typed into it, moved there. */
import { isAbort } from '../../base/clock.ts';
import { describeError, isKinlogError, KinlogError } from '../../base/errors.ts';
import type { EventLog } from '../../base/events.ts';
import type { Stanza } from './document.ts';
import type { StanzaOptions } from './options.ts';
import { MASK, SECRET_OPTIONS } from './stanza.ts';
import type { Splunkd } from './splunkd.ts';
import {
  APP_ID,
  inputName,
  inputSecretName,
  parseAccessKey,
  parseProxy,
  parseToken,
  REALMS,
  type AccessKey,
} from './stored.ts';

export interface Secrets {
  /** Undefined: the default chain of the AWS SDK. */
  readonly aws?: AccessKey;
  readonly hecToken?: string;
  /** Address, with user and password where it needs them. */
  readonly proxy?: string;
}

export interface SecretsContext {
  readonly stanza: Stanza;
  readonly options: StanzaOptions;
  readonly splunkd: Splunkd;
  readonly signal: AbortSignal;
}

/** Moves what was typed into the stanza to the password storage first; splunkd then starts the input anew, and until it does the answer is good. Fails with KINLOG_SECRET_UNUSABLE, which names all that is missing, or as Splunkd does. */
export async function resolveSecrets(context: SecretsContext & { readonly log: EventLog }): Promise<Secrets> {
  await moveTyped(context);
  return readSecrets(context);
}

/** Changes nothing. */
export async function readSecrets(context: SecretsContext): Promise<Secrets> {
  const faults: unknown[] = [];
  const tried = <T>(work: Promise<T>): Promise<T | undefined> =>
    work.catch((error: unknown) => void faults.push(error));
  const [aws, hecToken, proxy] = await Promise.all([
    tried(awsOf(context)),
    tried(tokenOf(context)),
    tried(proxyOf(context)),
  ]);
  if (faults.length > 0) throw reasonOf(faults);
  return {
    ...(aws === undefined ? {} : { aws }),
    ...(hecToken === undefined ? {} : { hecToken }),
    ...(proxy === undefined ? {} : { proxy }),
  };
}

async function awsOf(context: SecretsContext): Promise<AccessKey | undefined> {
  const { awsCredential, awsAccessKeyId } = context.options;
  if (awsCredential !== undefined)
    return parseAccessKey(await named(context, 'aws_credential', REALMS.aws, awsCredential), awsCredential);
  if (awsAccessKeyId === undefined) return undefined;
  return { accessKeyId: awsAccessKeyId, secretAccessKey: await typed(context, 'aws_secret_access_key') };
}

async function tokenOf(context: SecretsContext): Promise<string | undefined> {
  const { hecCredential, hecToken } = context.options;
  if (hecCredential !== undefined)
    return parseToken(await named(context, 'hec_credential', REALMS.hec, hecCredential), hecCredential);
  return hecToken === undefined ? undefined : typed(context, 'hec_token');
}

async function proxyOf(context: SecretsContext): Promise<string | undefined> {
  const { proxy } = context.options;
  if (proxy === undefined || proxy.includes('://')) return proxy;
  return parseProxy(await named(context, 'proxy', REALMS.proxy, proxy), proxy);
}

async function named(
  { splunkd, signal }: SecretsContext,
  option: string,
  realm: string,
  name: string,
): Promise<string> {
  const secret = await splunkd.password(realm, name, signal);
  if (secret !== undefined) return secret;
  const others = await splunkd.passwordNames(realm, signal);
  const known = others.length === 0 ? 'nothing is stored there' : `stored there: ${others.join(', ')}`;
  throw new KinlogError(
    'KINLOG_SECRET_UNUSABLE',
    `${option} names "${name}", which is not in the password storage (realm ${realm}; ${known})`,
    { remedy: `Store "${name}" on the set-up page of the app, or choose another name.` },
  );
}

/** As the stanza has it, or behind its mask. */
async function typed({ stanza, splunkd, signal }: SecretsContext, option: string): Promise<string> {
  const value = stanza.params.get(option)?.trim() ?? '';
  if (value !== MASK) return value;
  const secret = await splunkd.password(REALMS.input, inputSecretName(stanza.name, option), signal);
  if (secret !== undefined) return secret;
  throw new KinlogError(
    'KINLOG_SECRET_UNUSABLE',
    `${option} of ${inputName(stanza.name)} holds a mask, but no secret is stored for this input`,
    { remedy: `Type the secret into ${option} again: a cloned or renamed input does not take it along.` },
  );
}

/** The secret is stored before it is masked, so that an end in between loses nothing. A refusal keeps nobody from reading. */
async function moveTyped(context: SecretsContext & { readonly log: EventLog }): Promise<void> {
  const { stanza, log } = context;
  const secrets = SECRET_OPTIONS.map((option) => [option, stanza.params.get(option)?.trim() ?? ''] as const).filter(
    ([, value]) => value !== '' && value !== MASK,
  );
  if (secrets.length === 0) return;
  const options = secrets.map(([option]) => option).join(', ');
  try {
    await store(context, secrets);
    // Before the edit, for splunkd may ask us to end before it has answered.
    log.emit('secret.stored', { options });
    await mask(context, secrets);
  } catch (error) {
    if (isAbort(error) || !isKinlogError(error) || error.code === 'KINLOG_SESSION_ENDED') throw error;
    log.emit('secret.unmasked', { options, error: describeError(error) });
  }
}

type Typed = readonly (readonly [option: string, secret: string])[];

/** And reads back: what could not be read any more must not be masked. */
async function store({ stanza, splunkd, signal }: SecretsContext, secrets: Typed): Promise<void> {
  for (const [option, secret] of secrets) {
    const name = inputSecretName(stanza.name, option);
    await splunkd.storePassword(REALMS.input, name, secret, signal);
    if ((await splunkd.password(REALMS.input, name, signal)) !== secret)
      throw new KinlogError(
        'KINLOG_SECRET_UNUSABLE',
        `splunkd gives another secret back than was stored as "${name}"`,
        {
          remedy: `Store it on the set-up page of the app, and name it instead of typing ${option}.`,
        },
      );
  }
}

async function mask({ stanza, splunkd, signal }: SecretsContext, secrets: Typed): Promise<void> {
  const place = { app: stanza.app === '' ? APP_ID : stanza.app, stanza: inputName(stanza.name) };
  const settings = await splunkd.inputSettings(place, signal);
  // Each edit makes splunkd start the input anew: one that changes nothing would do so for ever.
  if (secrets.every(([option]) => settings[option] === MASK))
    throw new KinlogError(
      'KINLOG_CONFIG_INVALID',
      `app ${place.app} has the mask already, but another inputs.conf with more weight has the secret`,
      { remedy: `Find it with "splunk btool inputs list kinesis_log://${place.stanza} --debug" and remove it there.` },
    );
  const values = Object.fromEntries(secrets.map(([option]) => [option, MASK]));
  await splunkd.editInput({ ...place, values }, signal);
}

/** Everything that is missing at once; what else failed comes first, because it may be the reason. */
function reasonOf(faults: readonly unknown[]): unknown {
  const unusable = faults.filter((fault) => isKinlogError(fault, 'KINLOG_SECRET_UNUSABLE'));
  if (unusable.length < faults.length) return faults.find((fault) => !isKinlogError(fault, 'KINLOG_SECRET_UNUSABLE'));
  if (unusable.length === 1) return unusable[0];
  return new KinlogError('KINLOG_SECRET_UNUSABLE', unusable.map(({ message }) => message).join('; '), {
    remedy: unusable.map(({ remedy }) => remedy).join(' '),
  });
}
