#!/usr/bin/env node
/** The command `dumpstream`. */
import { dumpstream } from './commands.ts';
import { runProcess } from './exit.ts';

await runProcess((around) => dumpstream(process.argv.slice(2), around));
