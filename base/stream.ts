/** A Kinesis stream as people name it: by its name or by its ARN, `arn:aws:kinesis:eu-west-1:123456789012:stream/name`. */

/** Name and ARN are the same stream: what is kept under its id survives a change from one to the other. */
export function streamId(stream: string): string {
  return stream.split(':stream/').at(-1) ?? stream;
}

/** Undefined when the stream is given by its name. */
export function arnRegion(stream: string | undefined): string | undefined {
  return /^arn:[^:]*:kinesis:([^:]+):/.exec(stream ?? '')?.[1];
}

/** As AWS calls take it. */
export function streamAddress(stream: string): { StreamARN: string } | { StreamName: string } {
  return stream.startsWith('arn:') ? { StreamARN: stream } : { StreamName: stream };
}
