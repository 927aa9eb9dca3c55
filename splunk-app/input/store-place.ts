/** Which position store a stanza names, and which one it had, as a file beside its positions remembers. */
import { readFile } from 'node:fs/promises';
import { KinlogError } from '../../base/errors.ts';
import { arnRegion } from '../../base/stream.ts';
import { fileError } from '../../reader/checkpoint/leveldb-files.ts';
import type { StanzaOptions } from './options.ts';

/** Everything that tells one store from another, as the file beside the positions remembers it. */
export type StorePlace =
  | { readonly kind: 'local' }
  | { readonly kind: 'kvstore' }
  | { readonly kind: 'dynamodb'; readonly table: string; readonly region?: string; readonly endpoint?: string };

export function placeOf({
  checkpointStore,
  checkpointTable,
  streamName,
  awsRegion,
  dynamodbEndpoint,
}: StanzaOptions): StorePlace {
  if (checkpointStore !== 'dynamodb') return { kind: checkpointStore };
  const region = streamRegion({ streamName, awsRegion });
  return {
    kind: 'dynamodb',
    table: checkpointTable ?? '',
    ...(region === undefined ? {} : { region }),
    ...(dynamodbEndpoint === undefined ? {} : { endpoint: dynamodbEndpoint }),
  };
}

/** Of its ARN, before what the stanza says. */
export const streamRegion = ({
  streamName,
  awsRegion,
}: Pick<StanzaOptions, 'streamName' | 'awsRegion'>): string | undefined => arnRegion(streamName) ?? awsRegion;

export function placeText(place: StorePlace): string {
  return place.kind === 'dynamodb' ? `dynamodb table ${place.table}` : place.kind;
}

/** Of the file beside the positions; undefined when there is none. Fails with KINLOG_CHECKPOINT_UNREADABLE, or _UNAVAILABLE. */
export async function rememberedPlace(file: string): Promise<StorePlace | undefined> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError(error, file);
  });
  if (text === undefined) return undefined;
  const place = parsedPlace(text);
  if (place !== undefined) return place;
  throw new KinlogError('KINLOG_CHECKPOINT_UNREADABLE', `${file} does not say where the positions of this input are`, {
    remedy:
      'Remove it when the input keeps its positions where it always did; otherwise write the former place into it.',
  });
}

function parsedPlace(text: string): StorePlace | undefined {
  try {
    const place = JSON.parse(text) as Partial<Record<string, unknown>> | null;
    if (place?.['kind'] === 'local' || place?.['kind'] === 'kvstore') return { kind: place['kind'] };
    return place?.['kind'] === 'dynamodb' && typeof place['table'] === 'string'
      ? (place as unknown as StorePlace)
      : undefined;
  } catch {
    return undefined;
  }
}
