/** The fake HEC as a process, so that it outlives the readers that tests kill, or dies before them. Ends with its stdin, or on SIGTERM.
 *  KINLOG_HEC: JSON of `HecProcessOptions`. Prints {"url": …, "control": …} on stdout when ready. */
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { control, type HecProcessOptions } from './control.ts';
import { FakeHec } from './hec.ts';

const {
  port = 0,
  tls = false,
  file,
  indexing = {},
  maxEventBytes,
  ...options
} = JSON.parse(process.env['KINLOG_HEC'] ?? '{}') as HecProcessOptions;
const stored = (events: readonly { readonly raw: string }[]) => {
  // At once, as an index is: what a search has found once it finds again.
  if (file !== undefined) appendFileSync(file, events.map(({ raw }) => `${raw}\n`).join(''));
};
const hec = new FakeHec({ ...options, stored });
Object.assign(hec.indexing, indexing);
if (maxEventBytes !== undefined) hec.maxEventBytes = maxEventBytes;
const open = await hec.open({ port, tls });
/** Apart from the other port, so that it answers while that one does not. */
const remote = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const { status, body } = control(hec, open, Buffer.concat(parts).toString());
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
});
remote.listen(0, '127.0.0.1', () => {
  const address = remote.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ url: open.url, control: `http://127.0.0.1:${address.port}` })}\n`);
});
const end = () => process.exit(0);
process.once('SIGTERM', end);
process.stdin.on('end', end).resume();
