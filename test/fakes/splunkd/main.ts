/** The fake splunkd as a process: `main.ts APP/COLLECTION…`, with KINLOG_SPLUNK_SESSION_KEY as a session key; prints its address on a line of its own, ends with its stdin or on SIGTERM. */
import { FakeSplunkd } from './splunkd.ts';

const splunkd = new FakeSplunkd();
const key = process.env['KINLOG_SPLUNK_SESSION_KEY'];
if (key !== undefined) splunkd.sessionKeys.add(key);
for (const name of process.argv.slice(2)) {
  const [app = '', collection = ''] = name.split('/');
  splunkd.kv.declare(app, collection);
}
const { url } = await splunkd.open();
process.stdout.write(`${url}\n`);
const end = () => void splunkd.close().then(() => process.exit(0));
process.once('SIGTERM', end);
process.stdin.on('end', end).resume();
