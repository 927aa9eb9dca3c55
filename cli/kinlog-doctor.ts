/** The command `kinlog_doctor` of the Splunk app: `kinlog doctor --splunk`, on the app's own runtime. */
import { doctor } from './doctor.ts';
import { runProcess } from './exit.ts';

void runProcess((around) => doctor(['--splunk', ...process.argv.slice(2)], around));
