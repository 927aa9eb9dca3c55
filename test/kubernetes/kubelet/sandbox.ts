/** A process in a root file system of its own: user and mount namespaces of the kernel, no daemon, no privilege. The network is this machine's. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Image } from './images.ts';

export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

export interface Sandboxed {
  readonly image: Image;
  /** Where the mounts come together; one for each process. */
  readonly folder: string;
  readonly mounts: readonly Mount[];
  readonly readOnlyRoot: boolean;
  readonly user: number;
  readonly workingDir: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Takes stdout and stderr. */
  readonly log: string;
}

/** Its pid is that of the program itself. */
export function startSandboxed(what: Sandboxed): ChildProcess {
  const { folder, command, env } = what;
  for (const name of ['root', 'points', 'upper', 'work']) mkdirSync(path.join(folder, name), { recursive: true });
  const mounts = [...HOST, ...what.image.binds.map((bind) => ({ ...bind, readOnly: false })), ...what.mounts];
  for (const { source, target } of mounts) mountPoint(path.join(folder, 'points', target), source);
  const script = [
    'set -e',
    overlay(what),
    ...mounts.flatMap(({ source, target, readOnly }) => {
      const to = quoted(path.join(folder, 'root', target));
      const bind = `/usr/bin/mount --rbind ${quoted(source)} ${to}`;
      // The kernel keeps the flags of what is bound: nosuid and nodev, where a machine's /tmp has them.
      const remount = ['bind,ro', 'bind,ro,nosuid,nodev'].map((flags) => `/usr/bin/mount -o remount,${flags} ${to}`);
      return readOnly ? [bind, remount.join(' 2>/dev/null || ')] : [bind];
    }),
    `exec /usr/bin/unshare --user --map-user=${what.user} --map-group=${what.user} --root=${quoted(path.join(folder, 'root'))} --wd=${quoted(what.workingDir)} -- "$@"`,
  ].join('\n');
  const log = openSync(what.log, 'a');
  const args = ['--map-root-user', '--mount', '--propagation', 'private', '--', '/bin/sh', '-c', script, 'sh'];
  const child = spawn('/usr/bin/unshare', [...args, ...command], { cwd: folder, env, stdio: ['ignore', log, log] });
  closeSync(log);
  return child;
}

const HOST: readonly Mount[] = ['/proc', '/dev'].map((place) => ({ source: place, target: place, readOnly: false }));

/** Without an upper layer an overlay can not be written to. */
function overlay({ folder, image, readOnlyRoot }: Sandboxed): string {
  const at = (name: string) => path.join(folder, name);
  const writable = readOnlyRoot ? '' : `,upperdir=${at('upper')},workdir=${at('work')}`;
  const layers = `lowerdir=${[at('points'), ...image.layers].join(':')}${writable},userxattr`;
  return `/usr/bin/mount -t overlay overlay -o ${quoted(layers)} ${quoted(at('root'))}`;
}

function mountPoint(place: string, source: string): void {
  if (statSync(source).isDirectory()) {
    mkdirSync(place, { recursive: true });
    return;
  }
  mkdirSync(path.dirname(place), { recursive: true });
  writeFileSync(place, '');
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
