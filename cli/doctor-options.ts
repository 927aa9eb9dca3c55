/** What `kinlog doctor` can be told. */
import { flag, text, type OptionValues } from '../base/config.ts';
import type { CliOption, CommandSpec } from './options.ts';

const DOCTOR = {
  splunk: {
    type: flag(),
    title: 'Splunk',
    text: 'look at the Splunk app kinloader and the Splunk instance on this host',
    default: 'false',
  },
  splunkHome: {
    type: text(),
    title: 'SPLUNK_HOME',
    value: 'path',
    text: 'folder of the Splunk instance; without it the one that this command lies in, or else $SPLUNK_HOME',
  },
  tokenFile: {
    type: text(),
    title: 'Token file',
    value: 'path',
    text: 'file that holds a Splunk token, to ask splunkd for the state of the KV store; or set KINLOG_SPLUNK_SESSION_KEY',
  },
  json: { type: flag(), title: 'JSON', text: 'print JSON', default: 'false' },
} as const satisfies Record<string, CliOption<unknown>>;

export type DoctorValues = OptionValues<typeof DOCTOR>;

export const DOCTOR_SPEC: CommandSpec<typeof DOCTOR> = {
  name: 'kinlog doctor',
  summary: 'Looks at a Splunk host for what keeps events from arriving, and says what to do.',
  table: DOCTOR,
  notes: `It changes nothing and prints no secret. Run it as root or as the user of splunkd, or it may not see everything. In the app it is
bin/kinlog_doctor.sh, which needs nothing else on the host.
Exit status: 0 all is well; 1 warnings or faults were found; 100 it could not look.`,
};
