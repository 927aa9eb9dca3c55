/** Splunk's conf files as splunkd layers them. Whatever a file holds, reading it ends and takes bounded memory. */
import { constants } from 'node:fs';
import { open, readdir, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

/** Settings by stanza. */
type Stanzas = Map<string, Map<string, string>>;

export interface Setting {
  readonly value: string;
  /** Folder name of the app; `system` for etc/system. */
  readonly app: string;
}

export interface Conf {
  readonly stanzas: ReadonlyMap<string, ReadonlyMap<string, Setting>>;
  /** Files that are there and were not read, with the reason. */
  readonly unread: readonly string[];
}

const MAX_BYTES = 4 << 20;
/** Below etc/: apps of this host, and those that a cluster manager gave it. */
const APP_FOLDERS = ['apps', 'peer-apps', 'slave-apps'];

/** Splunk Enterprise Admin Manual, "Configuration file precedence": etc/system/local wins, then apps' local, apps' default, etc/system/default; among apps the first by its name. */
export async function readConf(home: string, name: string, apps: readonly AppFolder[]): Promise<Conf> {
  const layers = [
    { app: 'system', folder: path.join(home, 'etc/system/default') },
    ...[...apps].reverse().map(({ app, folder }) => ({ app, folder: path.join(folder, 'default') })),
    ...[...apps].reverse().map(({ app, folder }) => ({ app, folder: path.join(folder, 'local') })),
    { app: 'system', folder: path.join(home, 'etc/system/local') },
  ];
  const stanzas = new Map<string, Map<string, Setting>>();
  const unread: string[] = [];
  for (const { app, folder } of layers) {
    const file = path.join(folder, name);
    const found = await readBounded(file);
    if (typeof found === 'string') unread.push(`${file}: ${found}`);
    for (const [stanza, settings] of parseConf(found instanceof Buffer ? found : Buffer.alloc(0))) {
      const known = stanzas.get(stanza) ?? new Map<string, Setting>();
      stanzas.set(stanza, known);
      for (const [key, value] of settings) known.set(key, { value, app });
    }
  }
  return { stanzas, unread };
}

export interface AppFolder {
  readonly app: string;
  readonly folder: string;
}

/** Apps that are switched on, sorted by name. */
export async function enabledApps(home: string): Promise<AppFolder[]> {
  const found = await Promise.all(
    APP_FOLDERS.map(async (kind) => {
      const parent = path.join(home, 'etc', kind);
      const entries = await readdir(parent).catch(() => []);
      return entries.map((app) => ({ app, folder: path.join(parent, app) }));
    }),
  );
  const apps = found.flat().sort((a, b) => (a.app < b.app ? -1 : 1));
  const enabled = await Promise.all(apps.map(({ folder }) => isEnabled(folder)));
  return apps.filter((_, at) => enabled[at]);
}

export async function isEnabled(folder: string): Promise<boolean> {
  const states = await Promise.all(
    ['local', 'default'].map(async (layer) => {
      const found = await readBounded(path.join(folder, layer, 'app.conf'));
      return found instanceof Buffer ? parseConf(found).get('install')?.get('state') : undefined;
    }),
  );
  return (states.find((state) => state !== undefined) ?? 'enabled').toLowerCase() !== 'disabled';
}

/** The bytes; why it can not be read; or nothing when it is not there. */
export async function readBounded(file: string): Promise<Buffer | string | undefined> {
  try {
    const handle = await openToRead(file);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) return 'no file';
      const { size } = stats;
      if (size > MAX_BYTES) return `larger than ${MAX_BYTES >> 20} MiB`;
      const bytes = Buffer.alloc(size);
      const { bytesRead } = await handle.read(bytes, 0, size, 0);
      return bytes.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : code;
  }
}

/** A pipe in its place would keep a plain open waiting for whoever writes into it. */
export const openToRead = (file: string): Promise<FileHandle> =>
  // Windows has no such flag, and no such pipes.
  open(file, constants.O_RDONLY | ((constants as { O_NONBLOCK?: number }).O_NONBLOCK ?? 0));

/** Lines that are neither a stanza, a setting nor a comment are passed over, as splunkd does; the last of equal settings counts. */
export function parseConf(bytes: Buffer): Stanzas {
  const stanzas: Stanzas = new Map();
  let current = sectionOf(stanzas, 'default');
  for (const line of lines(textOf(bytes))) {
    const stanza = /^\s*\[(.*)\]\s*$/.exec(line)?.[1];
    if (stanza !== undefined) {
      current = sectionOf(stanzas, stanza);
      continue;
    }
    const at = line.indexOf('=');
    const key = line.slice(0, Math.max(at, 0)).trim();
    if (key !== '' && !key.startsWith('#')) current.set(key, line.slice(at + 1).trim());
  }
  return stanzas;
}

function sectionOf(stanzas: Stanzas, name: string): Map<string, string> {
  const known = stanzas.get(name) ?? new Map<string, string>();
  stanzas.set(name, known);
  return known;
}

/** A backslash at its end joins a line with the next. */
function* lines(text: string): Generator<string> {
  let parts: string[] = [];
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (line.endsWith('\\')) {
      parts.push(line.slice(0, -1));
      continue;
    }
    yield parts.length === 0 ? line : [...parts, line].join('\n');
    parts = [];
  }
  if (parts.length > 0) yield parts.join('\n');
}

/** Windows editors write UTF-16 and byte order marks. */
function textOf(bytes: Buffer): string {
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  return bytes.toString(utf16 ? 'utf16le' : 'utf8').replace(/^\ufeff/, '');
}
