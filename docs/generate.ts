/** Writes the pages that are read from declarations; with --check it only says which are stale and exits 1. */
import { readFileSync, writeFileSync } from 'node:fs';
import { ERRORS } from '../base/errors.ts';
import { COUNTERS, EVENTS } from '../base/events.ts';
import { optionsPage } from '../operator/options-page.ts';
import { reasonsPage } from '../operator/reconcile/reasons-page.ts';
import { METRICS_FIELDS } from '../splunk-app/input/metrics-fields.ts';

const RETRY = {
  never: 'It is not tried again.',
  soon: 'It is tried again within seconds.',
  slow: 'An input tries again about twice a minute; a command ends.',
} as const;

function errorsPage(): string {
  const sections = Object.entries(ERRORS).map(
    ([code, { meaning, remedy, retry, exit }]) =>
      `## ${code}\n\n${meaning}\n\n**What to do:** ${remedy}\n\n${RETRY[retry]} Exit status of a command: ${exit}.\n`,
  );
  return `# Errors

Every failure of kinlog has one of these codes. A message says what happened and to which stream, shard or file; the remedy says what to do; neither holds a secret.

${sections.join('\n')}`;
}

function eventsPage(): string {
  const lines = Object.entries(EVENTS).map(
    ([name, event]) =>
      `| \`${name}\` | ${event.level} | ${event.text} | ${'counter' in event ? `\`${event.counter ?? ''}\`` : ''} |`,
  );
  const counters = Object.entries(COUNTERS).map(([name, text]) => `| \`${name}\` | ${text} |`);
  return `# Log events and counters

A log line is \`name: text (field=value …)\`. An event with a counter adds one to it, whether the line is shown or not. debug is for the makers, info for whoever sets it up, warn and error for whoever is on call.

| event | level | what it means | counter |
|---|---|---|---|
${lines.join('\n')}

| counter | what it counts |
|---|---|
${counters.join('\n')}
`;
}

function metricsLogPage(): string {
  const fields = Object.entries(METRICS_FIELDS).map(
    ([name, field]) => `| \`${name}\` | ${field.in.join(', ')} | ${field.text} |`,
  );
  return `# The metrics log of the Splunk app

Every input writes JSON lines to \`$SPLUNK_HOME/var/log/splunk/kinloader_metrics_<stanza>.log\`, a folder that splunkd itself takes into the index \`_internal\`; their source type is \`kinlog:metrics\`. What the lines are for: [dashboards](dashboards.md).

Every \`metrics_interval_s\` seconds (60 unless set otherwise, 0 = none) comes one line of the stream and one of each shard that is read, at the start and at the end too; a line of an event comes within a second. Counts are those since the line before, so that \`per_second()\` and \`sum()\` work on them.

| field | in lines of | what it is |
|---|---|---|
${fields.join('\n')}
`;
}

const PAGES: Readonly<Record<string, () => string>> = {
  'errors.md': errorsPage,
  'events.md': eventsPage,
  'splunk/metrics-log.md': metricsLogPage,
  'kubernetes/operator.md': optionsPage,
  'kubernetes/troubleshooting.md': reasonsPage,
};

const check = process.argv.includes('--check');
for (const [name, render] of Object.entries(PAGES)) {
  const path = new URL(name, import.meta.url);
  const wanted = render();
  const found = read(path);
  if (found === wanted) continue;
  if (check) {
    process.stderr.write(`docs/${name} is stale; run: make generate\n`);
    process.exitCode = 1;
  } else {
    writeFileSync(path, wanted);
  }
}

function read(path: URL): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
