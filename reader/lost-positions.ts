/** Whether what is stored of a stream can be gone on with: rows of an earlier stream of the same name can not, and rows that were promised must be there. */
import { KinlogError } from '../base/errors.ts';
import type { StreamRows } from './rows.ts';

interface Lost {
  /** What lies between the two was never read, as text for `stream.data-loss`. */
  readonly from: string;
  readonly to: string;
  readonly error: KinlogError;
}

/** `promised`: the user says that the stream was read before. */
export function lostPositions({ stream, strangers, known }: StreamRows, promised: boolean): Lost | undefined {
  const [stranger] = strangers.values();
  if (stranger !== undefined)
    return {
      from: timeText(stranger.arrivalMs),
      to: timeText(stream.createdMs),
      error: new KinlogError(
        'KINLOG_STREAM_RECREATED',
        `the positions of ${stream.id} belong to a stream created at ${timeText(stranger.streamCreatedMs)}, but this one was created at ${timeText(stream.createdMs)}`,
      ),
    };
  if (!promised || known.size > 0) return undefined;
  return {
    from: 'not known',
    to: 'now',
    error: new KinlogError('KINLOG_POSITION_MISSING', `the store holds no position of the stream ${stream.id}`),
  };
}

/** Ends a reader that has missed that its stream is gone: what others have stored of the later one is not its to write. */
export function refuseLaterStream({ stream, strangers }: StreamRows): void {
  for (const { streamCreatedMs } of strangers.values())
    if (streamCreatedMs > stream.createdMs)
      throw new KinlogError(
        'KINLOG_STREAM_RECREATED',
        `another reader reads a stream ${stream.id} created at ${timeText(streamCreatedMs)}, but this one reads the one created at ${timeText(stream.createdMs)}`,
        { remedy: 'Start this reader again: its stream was deleted and created again while it ran.' },
      );
}

export function timeText(ms: number): string {
  return ms === 0 ? 'the beginning' : new Date(ms).toISOString();
}
