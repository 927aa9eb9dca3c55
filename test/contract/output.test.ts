/** Every output keeps the promises of the seam; test/tree checks that none is missing here. */
import { Writable } from 'node:stream';
import { describe } from 'vitest';
import { silentLog } from '../../base/events.ts';
import { EventPipe, ModularInputOutput } from '../../reader/output/modular-input.ts';
import { EventStream } from '../demo/tally.ts';
import { outputContract, type OutputSetting } from './output.ts';

describe('reader/output/modular-input.ts', () => {
  outputContract(modularInput);
});

/** A pipe whose other end reads when it is let. */
function modularInput(): Promise<OutputSetting> {
  const received: Buffer[] = [];
  let held: (() => void) | undefined;
  let holding = false;
  const pipe = new Writable({
    highWaterMark: 16_384,
    write(chunk: Buffer, _encoding, done) {
      received.push(Buffer.from(chunk));
      if (holding) held = done;
      else done();
    },
  });
  const release = () => {
    holding = false;
    held?.();
    held = undefined;
  };
  const stream = new EventPipe(pipe, { log: silentLog() });
  return Promise.resolve({
    output: new ModularInputOutput(stream, 'kinesis_log://contract'),
    texts: () => Promise.resolve(textsIn(Buffer.concat(received))),
    hold: () => (holding = true),
    release,
    cut: () => pipe.destroy(new Error('EPIPE')),
    dispose: () => Promise.resolve(),
  });
}

function textsIn(xml: Buffer): string[] {
  const texts: string[] = [];
  new EventStream(({ data }) => texts.push(data)).write(xml);
  return texts;
}
