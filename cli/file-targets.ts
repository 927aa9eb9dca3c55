/** Files named after their events, so that what is in a log can never choose a place outside the template's folders. */
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { KinlogError } from '../base/errors.ts';
import { makeFolder } from '../base/folder.ts';
import type { EventMeta } from '../record/event.ts';

/** Bytes of a name that common file systems take. */
const NAME_BYTES = 255;

/** `%source%`, `%sourcetype%`, `%host%` and `%index%` in the template become the event's own; an absent one is empty. No value can add a folder, leave one,
 *  or name nothing. */
export function expandPath(template: string, meta: EventMeta): string {
  return template
    .split('/')
    .map((part) => expandPart(part, meta))
    .join('/');
}

function expandPart(part: string, meta: EventMeta): string {
  const expanded = part.replaceAll(/%(source|sourcetype|host|index)%/g, (_, name: keyof EventMeta) =>
    plainName(meta[name] ?? ''),
  );
  if (expanded === part) return part;
  return withinLimit(/^\.{0,2}$/.test(expanded) ? '_'.repeat(Math.max(1, expanded.length)) : expanded);
}

/** Without what separates folders on any system, and without control characters. */
function plainName(value: string): string {
  // eslint-disable-next-line no-control-regex -- a log chooses the value, and a terminal will show the name
  return value.toWellFormed().replaceAll(/[/\\:\u0000-\u001f\u007f]/g, '_');
}

/** A name that is too long is cut and ends in its hash, so that different names stay different. */
function withinLimit(name: string): string {
  if (Buffer.byteLength(name) <= NAME_BYTES) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return `${Buffer.from(name)
    .subarray(0, NAME_BYTES - 20)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')}-${hash}`;
}

/** Appends to many files, a bounded number of them open at a time. */
export class FileTargets {
  readonly #limit: number;
  /** The one used last is last. */
  readonly #open = new Map<string, FileHandle>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Settles when the system has taken the bytes. */
  async append(file: string, bytes: Uint8Array): Promise<void> {
    try {
      const handle = await this.#handle(file);
      await handle.appendFile(bytes);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new KinlogError('KINLOG_OUTPUT_FAILED', `${file} could not be written: ${reason}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    for (const handle of this.#open.values()) await handle.close();
    this.#open.clear();
  }

  async #handle(file: string): Promise<FileHandle> {
    let handle = this.#open.get(file);
    if (handle === undefined) {
      const [oldest] = this.#open;
      if (oldest !== undefined && this.#open.size >= this.#limit) {
        this.#open.delete(oldest[0]);
        await oldest[1].close();
      }
      await makeFolder(path.dirname(file));
      handle = await open(file, 'a');
    } else this.#open.delete(file);
    this.#open.set(file, handle);
    return handle;
  }
}
