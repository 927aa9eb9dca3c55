#!/usr/bin/env node
/** The command `log2kinesis`. */
import { log2kinesis } from './commands.ts';
import { runProcess } from './exit.ts';

await runProcess((around) => log2kinesis(process.argv.slice(2), around));
