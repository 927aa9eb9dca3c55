/** `kinlog doctor --splunk`: what keeps events from arriving on this host, and what to do about it. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { configFaults } from '../base/config.ts';
import { KinlogError } from '../base/errors.ts';
import { examine } from '../splunk-app/doctor/examine.ts';
import { ByteTarget } from './byte-target.ts';
import { DOCTOR_SPEC, type DoctorValues } from './doctor-options.ts';
import { jsonReport, textReport } from './doctor-render.ts';
import { EXIT, reported, type Surroundings } from './exit.ts';
import { parseCommandLine } from './options.ts';
import { splunkAuth } from './splunk-auth.ts';

const FOUND = 1;
/** For each look; all go on side by side. */
const WITHIN_MS = 5000;

/** Its exit status tells what was found, so every failure to look, wrong options among them, has another. */
export async function doctor(argv: readonly string[], around: Surroundings): Promise<number> {
  try {
    const line = parseCommandLine(DOCTOR_SPEC, argv, around.env);
    if (line.kind === 'run') return await look(line.values, around);
    around.stdout.write(line.text);
    return EXIT.ok;
  } catch (error) {
    reported(around, error);
    return EXIT.failed;
  }
}

async function look(values: DoctorValues, around: Surroundings): Promise<number> {
  if (!values.splunk) throw configFaults(['say what to look at: --splunk']);
  const home = await splunkHome(values, around.env);
  const authorization = await authorizationFrom(values.tokenFile, around.env);
  const proc = process.platform === 'linux' ? '/proc' : undefined;
  const findings = await examine({ home, authorization, proc, now: Date.now, withinMs: WITHIN_MS });
  const report = values.json ? jsonReport(home, findings) : textReport(home, findings);
  await ByteTarget.stdout(around.stdout).write(report);
  return findings.some(({ level }) => level === 'warning' || level === 'fault') ? FOUND : EXIT.ok;
}

async function splunkHome(values: DoctorValues, env: NodeJS.ProcessEnv): Promise<string> {
  const home = values.splunkHome ?? ownHome(process.argv[1] ?? '') ?? env['SPLUNK_HOME'] ?? '';
  if (home === '')
    throw new KinlogError('KINLOG_CONFIG_INVALID', 'it is not known where Splunk is', {
      remedy: 'Name its folder with --splunk-home.',
    });
  const folder = path.resolve(home);
  const found = await stat(path.join(folder, 'etc')).catch((error: unknown) => (error as NodeJS.ErrnoException).code);
  if (typeof found === 'object' && found.isDirectory()) return folder;
  throw new KinlogError(
    'KINLOG_CONFIG_INVALID',
    `${folder} is no Splunk instance that can be looked at: etc/ in it is missing or not readable`,
    {
      remedy: 'Name the right folder with --splunk-home, and run this as root or as the user of splunkd.',
    },
  );
}

/** `/opt/splunk/etc/apps/kinloader/bin/doctor.cjs` → `/opt/splunk` */
function ownHome(program: string): string | undefined {
  const parts = program.split(path.sep);
  return parts.slice(-5, -1).join('/') === 'etc/apps/kinloader/bin' ? parts.slice(0, -5).join(path.sep) : undefined;
}

/** Undefined when nothing was given: most of the host can be looked at without. */
async function authorizationFrom(tokenFile: string | undefined, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (tokenFile === undefined && (env['KINLOG_SPLUNK_SESSION_KEY'] ?? '') === '') return undefined;
  const { kind, value } = await (await splunkAuth(tokenFile, env))();
  return `${kind === 'bearer' ? 'Bearer' : 'Splunk'} ${value}`;
}
