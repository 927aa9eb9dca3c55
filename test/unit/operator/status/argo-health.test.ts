/** The health check of docs/kubernetes/gitops.md, in a real Lua: it sees what kstatus sees. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { LuaFactory } from 'wasmoon';
import { parse } from 'yaml';
import { Followed } from './known.ts';
import { NEVER_BEGUN, PAUSED, refused, ROWS } from './rows.ts';
import { kstatus, type Read } from './tools.ts';

const factory = new LuaFactory();
const PAGE = path.join(import.meta.dirname, '../../../../docs/kubernetes/gitops.md');

/** As it stands on the page. */
function script(): string {
  const [, block] = /^## Argo CD$[^]*?^```yaml\n([^]*?)^```$/m.exec(readFileSync(PAGE, 'utf8'))!;
  const { data } = parse(block!) as { data: Record<string, string> };
  return data['resource.customizations.health.kinlog.io_LogStream']!;
}

const SCRIPT = script();

/** Argo CD hands the object over as tables, and takes the table that is returned: https://argo-cd.readthedocs.io/en/stable/operator-manual/health/ */
async function health({ generation, status }: Read): Promise<{ status: string; message: string }> {
  const object = { metadata: { generation }, ...(status !== undefined && { status }) };
  const lua = await factory.createEngine();
  try {
    return (await lua.doString(`obj = ${table(object)}\n${SCRIPT}`)) as { status: string; message: string };
  } finally {
    lua.global.close();
  }
}

/** JSON as an expression of Lua, whose lists begin at 1. */
function table(value: unknown): string {
  if (Array.isArray(value)) return `{ ${value.map(table).join(', ')} }`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, one]) => `[${JSON.stringify(key)}] = ${table(one)}`)
    .join(', ')} }`;
}

const SEEN = { Current: ['Healthy', 'Suspended'], InProgress: ['Progressing'], Failed: ['Degraded'] };

describe('the health check for Argo CD', () => {
  it.each(ROWS)('$name ($kstatus)', async (row) => {
    const stream = new Followed();
    if (row.ran === true) stream.pass();
    stream.pass(row.known);
    stream.pass(row.known, row.afterMs ?? 0);
    const { status, message } = await health(stream.read);
    expect(SEEN[row.kstatus]).toContain(status);
    expect(message).toContain(stream.condition('Ready')!.message);
  });

  it('tells a pause from a reader that runs', async () => {
    const stream = new Followed();
    stream.pass();
    expect((await health(stream.read)).status).toBe('Healthy');
    stream.pass(PAUSED);
    expect((await health(stream.read)).status).toBe('Suspended');
  });

  it('waits for the operator: before the first look, and at each new spec', async () => {
    expect((await health({ generation: 1, status: undefined })).status).toBe('Progressing');
    const stream = new Followed();
    stream.pass({ firstSeen: true, ...NEVER_BEGUN });
    expect((await health(stream.read)).status).toBe('Progressing');
    stream.pass();
    const newer = { ...stream.read, generation: 2 };
    expect(kstatus(newer)).toBe('InProgress');
    expect((await health(newer)).status).toBe('Progressing');
  });

  it('shows what the operator leaves alone as suspended, and still what stalls', async () => {
    const stream = new Followed();
    stream.pass();
    stream.pass({ handsOff: true, generation: 2 });
    expect((await health(stream.read)).status).toBe('Suspended');
    stream.pass({ handsOff: true, generation: 2, ...refused('output', 'KINLOG_SPLUNK_REFUSED') });
    expect((await health(stream.read)).status).toBe('Degraded');
  });
});
