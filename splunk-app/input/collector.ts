/** The HTTP Event Collector of a stanza, with the file for what it refuses. */
import { hostname } from 'node:os';
import { DeadLetterFile, type DeadLetters, type Output } from '../../reader/index.ts';
import type { StreamWork } from './run.ts';
import { readSecrets, type Secrets } from './secrets.ts';
import type { Splunkd } from './splunkd.ts';

export interface Collector {
  readonly output: Output;
  readonly deadLetters: DeadLetters;
  close(): Promise<void>;
}

export interface CollectorContext {
  readonly secrets: Secrets;
  readonly splunkd: Splunkd;
  readonly signal: AbortSignal;
}

export async function openCollector(work: StreamWork, context: CollectorContext): Promise<Collector> {
  const { options, directory, log, clock } = work;
  const { openHec } = await import('../../reader/output/hec.ts');
  const output = openHec({
    endpoints: options.hecUrl ?? [],
    token: tokens(work, context),
    ack: options.hecAck,
    ca: options.hecCaFile,
    proxy: context.secrets.proxy,
    defaults: stanzaDefaults(work),
    log,
    clock,
  });
  const file = options.deadLetterFile ?? `${directory}.dead-letters.ndjson`;
  const deadLetters = await DeadLetterFile.open({ file, log, clock });
  const close = async () => {
    // What it could not deliver, whoever wrote it has been told.
    await output.close().catch(() => undefined);
    await deadLetters.close();
  };
  return { output, deadLetters, close };
}

/** Asked for again when it was refused: whoever renews it in the password storage need not restart anything. */
function tokens({ stanza, options }: StreamWork, { secrets, splunkd, signal }: CollectorContext) {
  let known = secrets.hecToken;
  return async (): Promise<string> => {
    const token = known ?? (await readSecrets({ stanza, options, splunkd, signal })).hecToken ?? '';
    known = undefined;
    return token;
  };
}

/** What splunkd gives events that say none, on their way through it. */
function stanzaDefaults({ stanza: { name, params } }: StreamWork) {
  const said = (param: string, nothing = ''): string | undefined => {
    const value = params.get(param)?.trim() ?? '';
    return value === '' || value === nothing ? undefined : value;
  };
  return {
    host: said('host', '$decideOnStartup') ?? hostname(),
    source: said('source') ?? name,
    sourcetype: said('sourcetype'),
    index: said('index', 'default'),
  };
}
