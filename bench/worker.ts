/** The process of one contender: opens it, answers rounds over the channel to the bench, ends with that channel. */
import type { Answer, Command, Contender, OpenContender, Options } from './contender.ts';

process.on('disconnect', () => process.exit(0));

const { module, options } = JSON.parse(process.argv[2]!) as { module: string; options: Options };
const { open } = (await import(module)) as { open: OpenContender };
const contender: Contender = await open(options);

process.on('message', (command: Command) => void answer(command));
process.send?.({ pid: process.pid });

async function answer(command: Command): Promise<void> {
  const before = process.cpuUsage();
  const result = await obey(command).catch((error: unknown) => ({
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  }));
  const { user, system } = process.cpuUsage(before);
  const said: Answer = {
    cpuS: (user + system) / 1e6,
    // In KiB on every platform.
    peakMiB: process.resourceUsage().maxRSS / 1024,
    ...result,
  };
  process.send?.(said);
}

async function obey(command: Command): Promise<Partial<Answer>> {
  switch (command) {
    case 'round': {
      const found = await contender.round();
      return typeof found === 'number' ? { value: found } : found;
    }
    case 'digest':
      return { digest: contender.digest?.() };
    case 'close':
      await contender.close?.();
      return {};
  }
}
