/** splunkd in a process of its own, so that a test can kill it: KINLOG_HOST {home, settings, taken}. Each event is a line of the file `taken` as soon as it was taken;
 *  the process of the input is told on stdout. */
import { openSync, writeSync } from 'node:fs';
import type { Stanza } from '../../fakes/splunkd/inputs.ts';
import { buildApp } from '../driver.ts';
import { SplunkHost } from './host.ts';

export interface HostProcessOptions {
  readonly home: string;
  readonly settings: Stanza;
  readonly taken: string;
}

const { home, settings, taken } = JSON.parse(process.env['KINLOG_HOST']!) as HostProcessOptions;
const file = openSync(taken, 'a');
const host = await new SplunkHost(buildApp(), { home }).start();
await host.create('prod', settings);
const input = host.current();
process.stdout.write(`${input.pid}\n`);
let written = 0;
for (;;) {
  await input.until(() => input.events > written, 'more events', Infinity);
  for (const { fields } of input.document.events.slice(written)) writeSync(file, `${fields['data']!}\n`);
  written = input.events;
}
