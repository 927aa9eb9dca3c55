#!/usr/bin/env node
/** The command `kinlog`. */
import { kinlog } from './commands.ts';
import { runProcess } from './exit.ts';

await runProcess((around) => kinlog(process.argv.slice(2), around));
