/** The Splunk host that is looked at: where things are, and what its conf files say, read once for all checks. */
import path from 'node:path';
import { isKinlogError } from '../../base/errors.ts';
import { SCHEME, type StanzaOptions } from '../input/options.ts';
import { MASK, parseStanzaOptions, SECRET_OPTIONS } from '../input/stanza.ts';
import { enabledApps, parseConf, readBounded, readConf, type Conf, type Setting } from '../conf.ts';

export interface HostOptions {
  /** $SPLUNK_HOME. */
  readonly home: string;
  /** Value of the header that splunkd takes; some things are looked at only with it. A secret. */
  readonly authorization?: string | undefined;
  /** Where Linux tells of processes; undefined on other systems. */
  readonly proc?: string | undefined;
  readonly now: () => number;
  /** For each check, milliseconds. */
  readonly withinMs: number;
  /** Takes the place of the disks' own answer in tests. */
  readonly spaceOf?: (folder: string) => Promise<DiskSpace>;
}

/** Free for whoever is not root. */
export interface DiskSpace {
  readonly freeBytes: number;
  /** Undefined where the file system counts none. */
  readonly freeInodes: number | undefined;
}

export interface Host extends HostOptions {
  readonly app: string;
  /** Where positions lie, one directory for each stanza. */
  readonly checkpointDir: string;
  readonly logFolder: string;
  /** What splunk-launch.conf puts into the environment of inputs. */
  readonly launch: ReadonlyMap<string, string>;
  readonly server: Conf;
  readonly web: Conf;
  readonly inputsConf: Conf;
  readonly inputs: readonly Input[];
  /** Of conf files: nothing that is printed may hold them. */
  readonly secrets: readonly string[];
}

export interface Input {
  /** `kinesis_log://prod` */
  readonly name: string;
  readonly app: string;
  readonly disabled: boolean;
  readonly params: ReadonlyMap<string, string>;
  /** Absent when they have a fault. */
  readonly options?: StanzaOptions;
  readonly fault?: string;
}

export async function readHost(options: HostOptions): Promise<Host> {
  const { home } = options;
  const apps = await enabledApps(home);
  const conf = (name: string) => readConf(home, name, apps);
  const [inputsConf, server, web, launchFile] = await Promise.all([
    conf('inputs.conf'),
    conf('server.conf'),
    conf('web.conf'),
    readBounded(path.join(home, 'etc/splunk-launch.conf')),
  ]);
  const launch = parseConf(launchFile instanceof Buffer ? launchFile : Buffer.alloc(0)).get('default')!;
  const database = (launch.get('SPLUNK_DB') ?? path.join(home, 'var/lib/splunk')).replaceAll('$SPLUNK_HOME', home);
  const inputs = inputsOf(inputsConf);
  return {
    ...options,
    app: path.join(home, 'etc/apps/kinloader'),
    checkpointDir: path.join(database, 'modinputs', SCHEME),
    logFolder: path.join(home, 'var/log/splunk'),
    ...{ launch, server, web, inputsConf, inputs },
    secrets: inputs.flatMap((input) => clearSecrets(input).map((name) => input.params.get(name)!)),
  };
}

/** The last word of the conf files on a setting. */
export const settingOf = (conf: Conf, stanza: string, name: string): string | undefined =>
  conf.stanzas.get(stanza)?.get(name)?.value;

export const isTrue = (value: string | undefined): boolean => /^(1|true|yes|y|t|on)$/i.test(value ?? '');

/** Names of the secret settings that stand in the stanza as they are. */
export const clearSecrets = ({ params }: Input): string[] =>
  SECRET_OPTIONS.filter((name) => ![undefined, '', MASK].includes(params.get(name)));

function inputsOf({ stanzas }: Conf): Input[] {
  const common = stanzas.get(SCHEME) ?? new Map<string, Setting>();
  return [...stanzas]
    .filter(([name]) => name.startsWith(`${SCHEME}://`))
    .map(([name, own]) => inputOf(name, own, common));
}

function inputOf(name: string, own: ReadonlyMap<string, Setting>, common: ReadonlyMap<string, Setting>): Input {
  const params = new Map([...common, ...own].map(([key, { value }]) => [key, value]));
  const about = { name, app: [...own.values()][0]?.app ?? '', disabled: isTrue(params.get('disabled')), params };
  try {
    return { ...about, options: parseStanzaOptions(params) };
  } catch (error) {
    if (!isKinlogError(error, 'KINLOG_CONFIG_INVALID')) throw error;
    return { ...about, fault: error.message };
  }
}
