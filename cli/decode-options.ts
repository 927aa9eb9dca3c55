/** What logdecode can be told. */
import { choice, flag, integer, text, type OptionValues } from '../base/config.ts';
import type { CliOption, CommandSpec } from './options.ts';

const DECODE = {
  targetFilepath: {
    type: text(),
    title: 'Files',
    value: 'path',
    short: 'f',
    text: 'file to append to; %source%, %sourcetype%, %host% and %index% become those of the event, without anything that could lead out of the folder; stdout when absent',
  },
  format: {
    type: choice(['raw', 'json']),
    title: 'Format',
    value: 'raw|json',
    text: 'raw: the events as they were logged; json: an object for each event with all that is known about it',
    default: 'raw',
  },
  indentJson: { type: flag(), title: 'Indent', text: 'JSON over several lines, for people', default: 'false' },
  maxOpenFiles: {
    type: integer(1, 10_000),
    title: 'Open files',
    value: 'count',
    text: 'most files open at the same time',
    default: '100',
  },
  splitLines: {
    type: flag(),
    title: 'Lines',
    text: 'each line of a record that is plain text is an event',
    default: 'false',
  },
} as const satisfies Record<string, CliOption<unknown>>;

export type DecodeValues = OptionValues<typeof DECODE>;

export const DECODE_SPEC: CommandSpec<typeof DECODE> = {
  name: 'logdecode',
  summary: 'Decodes the records that dumpstream dumped.',
  operands: '[FILE...]',
  table: DECODE,
  notes: `Reads the files, or stdin: lines of dumpstream, answers of "aws kinesis get-records", base64 lines, or raw gzip
records one after the other. What is in the records is found out: kinlog, HEC, JSON, CloudWatch Logs, KPL, text.
Exit status: 0 done; 1 usage, or a file that can not be read; 2 something could not be decoded and was written as it is,
or was no record; 100 failure.`,
};
