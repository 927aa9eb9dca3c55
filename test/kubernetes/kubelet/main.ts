/** A node as a process, so that it can be frozen and lost. Started by child.ts: its options are the first message, each further one a command; it ends with its parent and takes its pods along. */
import { obey, type Command } from './control.ts';
import { Kubelet, type KubeletOptions } from './kubelet.ts';

export interface Request {
  readonly id: number;
  readonly command: Command;
}

export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

let kubelet: Kubelet | undefined;

process.on('message', (message: KubeletOptions | Request) => {
  if ('command' in message) void answer(message);
  else kubelet = new Kubelet(message);
});

async function answer({ id, command }: Request): Promise<void> {
  try {
    process.send?.({ id, value: await obey(kubelet!, command) } satisfies Answer);
  } catch (error) {
    process.send?.({ id, error: String(error) } satisfies Answer);
  }
}

process.on('disconnect', () => {
  void (kubelet?.close() ?? Promise.resolve()).finally(() => process.exit(0));
});
// A terminal's interrupt reaches the parent too, which ends us.
process.on('SIGINT', () => undefined);
