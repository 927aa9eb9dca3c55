/** Frames of `application/vnd.amazon.eventstream`, as the service pushes them. */
import { crc32 } from 'node:zlib';

/** One frame as pieces that are never joined or copied here:
 *
 *     total length 4 | headers' length 4 | CRC-32 of these 4 | headers | payload | CRC-32 of all before 4
 *
 *  A header is its name's length 1, the name, type 7 (string), the value's length 2 and the value. Source: "Event stream encoding" of the AWS documentation. */
export function frame(headers: Readonly<Record<string, string>>, payload: readonly Buffer[]): Buffer[] {
  const rendered = Buffer.concat(Object.entries(headers).map(header));
  const prelude = Buffer.alloc(12);
  prelude.writeUInt32BE(
    payload.reduce((sum, { length }) => sum + length, 12 + rendered.length + 4),
    0,
  );
  prelude.writeUInt32BE(rendered.length, 4);
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8);
  const pieces = [prelude, rendered, ...payload];
  const end = Buffer.alloc(4);
  end.writeUInt32BE(pieces.reduce((sum, piece) => crc32(piece, sum), 0));
  return [...pieces, end];
}

const EVENT = { ':message-type': 'event', ':content-type': 'application/json' };

export const eventFrame = (type: string, payload: readonly Buffer[]): Buffer[] =>
  frame({ ':event-type': type, ...EVENT }, payload);

export const exceptionFrame = (type: string, message: string): Buffer[] =>
  frame({ ':exception-type': type, ':message-type': 'exception', ':content-type': 'application/json' }, [
    Buffer.from(JSON.stringify({ message })),
  ]);

function header([name, value]: [string, string]): Buffer {
  const bytes = Buffer.from(value);
  const place = Buffer.alloc(3);
  place.writeUInt8(7, 0);
  place.writeUInt16BE(bytes.length, 1);
  return Buffer.concat([Buffer.of(name.length), Buffer.from(name), place, bytes]);
}
