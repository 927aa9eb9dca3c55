/** Positions move along when a stanza names another store, forward only, and nothing is read before they have. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { EventLog, type LogLine } from '../../../base/events.ts';
import type { ShardRow } from '../../../reader/checkpoint/store.ts';
import { placeOf, rememberedPlace } from '../../../splunk-app/input/store-place.ts';
import { openPositions } from '../../../splunk-app/input/stores.ts';
import { parseStanzaOptions } from '../../../splunk-app/input/stanza.ts';
import { accessTo, startDynalite } from '../../fakes/peers/dynalite.ts';
import { FakeSplunkd } from '../../fakes/splunkd/splunkd.ts';
import { after, row, rowsOf, STREAM } from './position-rows.ts';

const { signal } = new AbortController();

describe('the store of a stanza', () => {
  let folder: string;
  let directory: string;
  let splunkd: FakeSplunkd;
  let serverUri: string;
  let lines: LogLine[];
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'kinlog-stores-'));
    directory = path.join(folder, 'prod');
    splunkd = new FakeSplunkd();
    splunkd.kv.declare('kinloader', 'kinlog_rows');
    splunkd.sessionKeys.add('k3y');
    serverUri = (await splunkd.open({ tls: false })).url;
    lines = [];
  });
  afterEach(async () => {
    await splunkd.close();
    await rm(folder, { recursive: true });
  });

  const open = (checkpoint_store: string, more: Readonly<Record<string, string>> = {}) =>
    openPositions({
      options: parseStanzaOptions(
        new Map(Object.entries({ stream_name: 'logs', aws_region: 'us-east-1', checkpoint_store, ...more })),
      ),
      directory,
      aws: accessTo(''),
      splunkd: { serverUri, sessionKey: 'k3y' },
      app: 'kinloader',
      log: new EventLog((line) => lines.push(line)),
      clock: systemClock,
      signal,
    });
  const use = async (checkpoint_store: string, ...rows: readonly ShardRow[]): Promise<ShardRow[]> => {
    const store = await open(checkpoint_store);
    try {
      const versions = new Map<string, number>();
      for await (const { shardId, version } of store.rows(STREAM, signal)) versions.set(shardId, version);
      for (const one of rows) await store.put(STREAM, one, versions.get(one.shardId) ?? 'absent', signal);
      return await rowsOf(store);
    } finally {
      await store.close();
    }
  };

  it('takes the positions along from the disk to the KV store and back, at each change further', async () => {
    await use('local', row('a', after(1)));
    expect(await use('kvstore', row('b', after(2)))).toEqual([row('a', after(1)), row('b', after(2))]);
    expect(await use('kvstore', row('a', after(5)))).toHaveLength(2);
    expect(await use('local')).toEqual([row('a', after(5)), row('b', after(2))]);
    expect(lines.map(({ name, fields }) => [name, fields])).toEqual([
      ['checkpoint.moved', { from: 'local', to: 'kvstore', rows: 1 }],
      ['checkpoint.moved', { from: 'kvstore', to: 'local', rows: 2 }],
    ]);
  });

  it('remembers in a file beside the positions which store it is, and nothing secret', async () => {
    await use('kvstore');
    expect(await readdir(folder)).toEqual(['prod.store']);
    expect(await readFile(`${directory}.store`, 'utf8')).toBe('{"kind":"kvstore"}\n');
  });

  it('begins with nothing when there was no store before', async () => {
    expect(await use('kvstore')).toEqual([]);
    expect(lines).toEqual([]);
  });

  it('does not begin anew when the store before can not be read: the positions would be lost', async () => {
    await use('kvstore', row('a', after(1)));
    const [port] = [await splunkd.open({ tls: false })];
    port.faults.expired = true;
    serverUri = port.url;
    await expect(use('local')).rejects.toMatchObject({
      code: 'KINLOG_SPLUNK_REFUSED',
      retry: 'never',
      message: expect.stringContaining('still in the former store, kvstore') as string,
      remedy: expect.stringContaining(`To begin without them, remove ${directory}.store.`) as string,
    });
    expect(await readFile(`${directory}.store`, 'utf8')).toBe('{"kind":"kvstore"}\n');
  });

  it('does not make a table anew that held the positions and is gone', async () => {
    const dynalite = await startDynalite();
    try {
      const place = { kind: 'dynamodb', table: 'rows', region: 'us-east-1', endpoint: dynalite.url };
      await writeFile(`${directory}.store`, JSON.stringify(place));
      await expect(use('local')).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_MISSING' });
      expect(await rememberedPlace(`${directory}.store`)).toEqual(place);
      const table = { checkpoint_table: 'rows', dynamodb_endpoint: dynalite.url };
      const store = await open('dynamodb', table);
      await expect(rowsOf(store)).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_MISSING' });
      await store.close();
    } finally {
      await dynalite.close();
    }
  });

  it('remembers no table that could not be read, so that a misspelt name can be corrected', async () => {
    const dynalite = await startDynalite();
    const named = (checkpoint_table: string) => ({ checkpoint_table, dynamodb_endpoint: dynalite.url });
    try {
      const misspelt = await open('dynamodb', { ...named('rwos'), initial_position: 'STORED' });
      await expect(rowsOf(misspelt)).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_MISSING' });
      await misspelt.close();
      expect(await rememberedPlace(`${directory}.store`)).toBeUndefined();
      const right = await open('dynamodb', named('rows'));
      expect(await rowsOf(right)).toEqual([]);
      await right.close();
      expect(await rememberedPlace(`${directory}.store`)).toMatchObject({ table: 'rows' });
    } finally {
      await dynalite.close();
    }
  });

  it('does not begin anew when the directory of its positions is gone', async () => {
    await use('local', row('a', after(1)));
    await rm(directory, { recursive: true });
    await expect(open('local')).rejects.toMatchObject({
      code: 'KINLOG_CHECKPOINT_MISSING',
      remedy: expect.stringContaining(`remove ${directory}.store`) as string,
    });
    await rm(`${directory}.store`);
    expect(await use('local')).toEqual([]);
  });

  it('does not guess when the file that remembers it is damaged', async () => {
    await writeFile(`${directory}.store`, '{"kind":"oracle"}');
    await expect(open('local')).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_UNREADABLE' });
  });

  it('is another one when the table, its region or its endpoint is another', () => {
    const place = (more: Readonly<Record<string, string>>) =>
      placeOf(
        parseStanzaOptions(
          new Map(Object.entries({ stream_name: 's', aws_region: 'eu-west-1', checkpoint_store: 'dynamodb', ...more })),
        ),
      );
    expect(place({ checkpoint_table: 'rows' })).toEqual({ kind: 'dynamodb', table: 'rows', region: 'eu-west-1' });
    expect(place({ checkpoint_table: 'rows', dynamodb_endpoint: 'https://d.example.com' })).toMatchObject({
      endpoint: 'https://d.example.com',
    });
    expect(
      place({
        checkpoint_table: 'rows',
        aws_region: '',
        stream_name: 'arn:aws:kinesis:eu-north-1:123456789012:stream/s',
      }),
    ).toMatchObject({ region: 'eu-north-1' });
  });
});
