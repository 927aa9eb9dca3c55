/** What splunkd makes of the stderr of a modular input: a line of splunkd.log for each line, at the level that it begins with.
 *  help.splunk.com, "Set up logging" (developing modular inputs): DEBUG, INFO, WARN, ERROR or FATAL; a line without one is an ERROR. */

export interface LogLine {
  readonly level: string;
  readonly text: string;
  /** False: the input named no level. */
  readonly levelled: boolean;
}

/** Whole lines of it; a cut one belongs to a process that was killed. */
export function logLines(stderr: string): LogLine[] {
  return stderr
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [, level, text] = /^(DEBUG|INFO|WARN|ERROR|FATAL) (.*)$/.exec(line) ?? [];
      return { level: level ?? 'ERROR', text: text ?? line, levelled: level !== undefined };
    });
}
