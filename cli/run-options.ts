/** What `kinlog run` can be told on its command line; everything else is in its file. */
import { text, type OptionValues } from '../base/config.ts';
import type { CliOption, CommandSpec } from './options.ts';

const RUN = {
  config: {
    type: text(),
    title: 'Configuration',
    value: 'path',
    text: 'YAML file that says which streams are read and where their events go; see docs/run.md',
    required: true,
    env: ['KINLOG_CONFIG'],
  },
  name: {
    type: text('a name of up to 253 letters, digits and ._-', /^[\w.-]{1,253}$/),
    title: 'Name',
    value: 'name',
    text: 'how this reader calls itself to others, instead of the name in the file',
    env: ['KINLOG_NAME'],
  },
  statusHost: {
    type: text('a name or an address of this host', /^([\w.-]+|[\da-fA-F:.]+)$/),
    title: 'Host of the status server',
    value: 'host',
    text: 'where the status server listens, instead of the host of status.listen in the file',
    env: ['KINLOG_STATUS_HOST'],
  },
} as const satisfies Record<string, CliOption<unknown>>;

export type RunValues = OptionValues<typeof RUN>;

export const RUN_SPEC: CommandSpec<typeof RUN> = {
  name: 'kinlog run',
  summary: 'Reads streams and hands their events to Splunk, files or stdout, until it is stopped.',
  table: RUN,
  notes: `SIGTERM and SIGINT end it within 15 seconds: what was accepted is stored. SIGHUP reads the file again.
Exit status: 0 stopped; 1 the file has faults, all of which are named; 100 a stream could not be read any more; the others
went on until they were stopped.`,
};
