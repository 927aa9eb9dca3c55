/** Splunk AppInspect, as Splunk's own vetting runs it: no failure, and exactly the warnings that are known. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import type { PackageName } from '../package-platforms.ts';
import { lastWords, run } from './process.ts';
import type { Verdict } from './verdict.ts';
import { ACCEPTED_WARNINGS, type AcceptedWarning, type InspectionName } from './warnings.ts';

/** Every x86-64 binary fails this one, also beside an ARM one; it is of no tag that Splunk Cloud asks for. */
const EXCLUDED = 'aarch64_compatibility';

export interface Inspection {
  readonly name: InspectionName;
  readonly tags: readonly string[];
  /** So many checks are in it at least; fewer means that a tag is misspelt or the program could not look. */
  readonly checks: number;
}

export const INSPECTIONS: readonly Inspection[] = [
  { name: 'all', tags: [], checks: 251 },
  { name: 'cloud', tags: ['cloud'], checks: 246 },
  {
    name: 'private',
    tags: ['private_app', 'private_victoria', 'private_classic', 'migration_victoria', 'future'],
    checks: 245,
  },
];

const REPORT = z.object({
  reports: z
    .array(
      z.object({
        groups: z.array(
          z.object({
            checks: z.array(
              z.object({
                name: z.string(),
                result: z.string(),
                messages: z.array(z.object({ result: z.string(), message: z.string() })),
              }),
            ),
          }),
        ),
      }),
    )
    .length(1),
});
type Check = z.infer<typeof REPORT>['reports'][number]['groups'][number]['checks'][number];

const REMEDY =
  'Each check is described by `splunk-appinspect documentation`; a warning that can not be avoided goes into warnings.ts with its reason.';

/** Every other result is a fault, also one that we never heard of. */
const HARMLESS = new Set(['success', 'not_applicable', 'warning']);
/** Exit statuses of `--ci`. */
const CLEAN = 0;
const ONLY_WARNINGS = 103;

/** `report`: the JSON report; `status`: the exit status with `--ci`. */
export function judgeInspection(
  { name, checks: fewest }: Inspection,
  of: PackageName,
  report: unknown,
  status: number | undefined,
): Verdict {
  const says = { tool: `AppInspect (${name})`, remedy: REMEDY };
  const parsed = REPORT.safeParse(report);
  if (!parsed.success)
    return { ...says, found: 'nothing', faults: [`its report has another shape: ${parsed.error.message}`] };
  const checks = parsed.data.reports[0]!.groups.flatMap((group) => group.checks);
  const expected = ACCEPTED_WARNINGS.filter(
    ({ inspections, packages }) => inspections.includes(name) && (packages?.includes(of) ?? true),
  );
  const warnings = checks.flatMap((check) => messagesOf(check, 'warning'));
  const faults = [
    ...checks.filter(({ result }) => !HARMLESS.has(result)).flatMap((check) => messagesOf(check, check.result)),
    ...warnings.filter((warning) => !expected.some((accepted) => accepts(accepted, warning))),
  ].map(({ check, result, message }) => `${result}: ${check}: ${message}`);
  const lost = expected
    .filter((accepted) => !warnings.some((warning) => accepts(accepted, warning)))
    .map(({ check, message }) => `a known warning is gone: ${check}: ${message.source}`);
  const few = checks.length < fewest ? [`only ${checks.length} checks ran, not ${fewest}`] : [];
  const exit = warnings.length > 0 ? ONLY_WARNINGS : CLEAN;
  const wrongExit = faults.length === 0 && status !== exit ? [`its exit status is ${String(status)}, not ${exit}`] : [];
  return {
    ...says,
    found: `${checks.length} checks, ${expected.length} known warnings`,
    faults: [...faults, ...lost, ...few, ...wrongExit],
  };
}

interface Message {
  readonly check: string;
  readonly result: string;
  readonly message: string;
}

/** Those of this kind; a result without a message of its own still counts. */
function messagesOf({ name, result, messages }: Check, kind: string): Message[] {
  const own = messages.filter((message) => message.result === kind);
  if (own.length === 0 && result === kind) return [{ check: name, result, message: 'without a message' }];
  return own.map(({ message }) => ({ check: name, result: kind, message: message.replaceAll(/\s+/g, ' ') }));
}

function accepts({ check, message }: AcceptedWarning, warning: Message): boolean {
  return check === warning.check && message.test(warning.message);
}

export interface Archive {
  readonly file: string;
  readonly of: PackageName;
}

/** `python`: the interpreter that has it; `scratch`: a folder for its report and what it unpacks. */
export async function inspect(
  inspection: Inspection,
  archive: Archive,
  where: { python: string; scratch: string },
): Promise<Verdict> {
  const report = path.join(where.scratch, `appinspect-${inspection.name}.json`);
  const start = 'import sys; from splunk_appinspect.main import execute; sys.exit(execute())';
  const ended = await run(
    where.python,
    [
      ...['-I', '-c', start, 'inspect', archive.file, '--mode', 'precert', '--ci', '--skip-trusted-libraries-update'],
      ...['--excluded-tags', EXCLUDED, ...inspection.tags.flatMap((tag) => ['--included-tags', tag])],
      ...['--max-messages', 'all', '--data-format', 'json', '--output-file', report],
    ],
    { env: { ...process.env, TMPDIR: where.scratch } },
  );
  try {
    return judgeInspection(inspection, archive.of, JSON.parse(readFileSync(report, 'utf8')), ended.status);
  } catch {
    return judgeInspection(inspection, archive.of, `no report; it said\n${lastWords(ended)}`, ended.status);
  }
}
