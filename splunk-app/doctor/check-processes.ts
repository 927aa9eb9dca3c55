/** Processes: splunkd, and one for each enabled input. */
import { fault, ok, skipped, warning, type Finding } from './finding.ts';
import type { Host } from './host.ts';
import { isOn } from './check-inputs.ts';
import { inputProcesses, isSplunkd, processesIn, splunkdPid, type Process } from './processes.ts';

const MUCH_MEMORY_BYTES = 1 << 30;

export async function checkProcesses(host: Host): Promise<Finding[]> {
  const { home, app, proc, inputs } = host;
  if (proc === undefined) return [skipped('processes are looked at on Linux only')];
  const all = await processesIn(proc);
  const running = await inputProcesses(all, app);
  const splunkd = await splunkdPid(home, all);
  const findings = running.flatMap((one) => processFindings(one, all));
  if (splunkd === undefined)
    return [
      fault(`splunkd of ${home} does not run`, 'Start it: splunk start. When it ends at once, splunkd.log says why.'),
      ...findings,
    ];
  return [
    ok(`splunkd runs (process ${splunkd})`),
    ...countFindings(running.length, inputs.filter(isOn).length),
    ...findings,
  ];
}

function countFindings(running: number, wanted: number): Finding[] {
  if (running < wanted)
    return [
      fault(
        `${running} of ${wanted} enabled inputs run`,
        'splunkd.log says why an input ends; it is started again about twice a minute.',
      ),
    ];
  if (running > wanted)
    return [
      warning(
        `${running} processes run for ${wanted} enabled inputs`,
        'After an edit two live side by side for some seconds. When it stays so, end the oldest with SIGTERM.',
      ),
    ];
  return [ok(`${wanted} of ${wanted} enabled inputs run`)];
}

function processFindings(one: Process, all: readonly Process[]): Finding[] {
  const { pid, parent, ageMs, residentBytes } = one;
  const mother = all.find((other) => other.pid === parent);
  const text = `process ${pid} of an input, ${Math.round(ageMs / 1000)} s old, ${Math.round(residentBytes / 2 ** 20)} MiB`;
  if (mother === undefined || !isSplunkd(mother))
    return [
      fault(
        `${text}: splunkd did not start it, or has died since`,
        `End it: kill ${pid}. It holds the positions that a new one needs.`,
      ),
    ];
  if (residentBytes > MUCH_MEMORY_BYTES)
    return [
      warning(`${text}: that is much memory`, 'Lower max_mb_in_flight of the input, and report it with splunkd.log.'),
    ];
  return [ok(text)];
}
