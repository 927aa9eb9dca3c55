#!/usr/bin/env node
/** The command `logdecode`. */
import { logdecode } from './commands.ts';
import { runProcess } from './exit.ts';

await runProcess((around) => logdecode(process.argv.slice(2), around));
