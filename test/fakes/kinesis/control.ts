/** Remote control of the HTTP simulator: what tests in the same process do by calls, as JSON. */
import type { FakeKinesis } from './fake.ts';
import type { Fault, FaultPoint } from './faults.ts';
import { KinesisFailure } from './failure.ts';
import { isOperation } from './operations.ts';
import type { Settings } from './service.ts';

/** Body of POST /_control. */
export type Command =
  | {
      readonly do: 'next';
      readonly operation: FaultPoint;
      readonly fault: Exclude<Fault, { kind: 'edit' }>;
      readonly times?: number;
      readonly shardId?: string;
    }
  | { readonly do: 'clear-faults' }
  | { readonly do: 'create'; readonly stream: string; readonly shards: number }
  | { readonly do: 'delete'; readonly stream: string }
  /** `at`: decimal hash key; the middle without it. Answers the children. */
  | { readonly do: 'split'; readonly stream: string; readonly shardId: string; readonly at?: string }
  | { readonly do: 'merge'; readonly stream: string; readonly left: string; readonly right: string }
  | { readonly do: 'put'; readonly stream: string; readonly key: string; readonly data: string }
  | { readonly do: 'retention'; readonly stream: string; readonly hours: number }
  | { readonly do: 'settings'; readonly settings: Partial<Omit<Settings, 'accessKeys' | 'allow'>> }
  /** Operations that are allowed from now on; absent = all. */
  | { readonly do: 'allow'; readonly operations?: readonly string[] }
  /** Access keys that are known from now on; absent = all. */
  | { readonly do: 'access-keys'; readonly ids?: readonly string[] }
  /** Answers { calls, total }: the log from the `since`-th call on. */
  | { readonly do: 'calls'; readonly since?: number }
  | { readonly do: 'faults-left' };

export interface ControlAnswer {
  readonly status: number;
  readonly body: unknown;
}

export function control(fake: FakeKinesis, body: string): ControlAnswer {
  try {
    return { status: 200, body: obey(fake, JSON.parse(body) as Command) ?? {} };
  } catch (error) {
    if (error instanceof KinesisFailure || error instanceof SyntaxError || error instanceof RangeError)
      return { status: 400, body: { error: error.message } };
    throw error;
  }
}

// eslint-disable-next-line complexity -- one short case per command reads better than a table of functions that each take all of them
function obey(fake: FakeKinesis, command: Command): unknown {
  switch (command.do) {
    case 'next': {
      const { operation, fault, times = 1, shardId } = command;
      if (operation !== '*' && operation !== 'SubscribeToShardEvent' && !isOperation(operation))
        throw new RangeError(`no operation ${String(operation)}`);
      fake.next(operation, fault, shardId === undefined ? { times } : { times, shardId });
      return undefined;
    }
    case 'clear-faults':
      fake.faults.clear();
      return undefined;
    case 'create':
      fake.createStream(command.stream, command.shards);
      return undefined;
    case 'delete':
      fake.deleteStream(command.stream);
      return undefined;
    case 'split':
      return {
        children: fake.split(
          command.stream,
          command.shardId,
          command.at === undefined ? undefined : BigInt(command.at),
        ),
      };
    case 'merge':
      return { child: fake.merge(command.stream, command.left, command.right) };
    case 'put':
      return fake.put(command.stream, command);
    case 'retention':
      fake.stream(command.stream).retentionHours = command.hours;
      return undefined;
    case 'settings':
      Object.assign(fake.settings, command.settings);
      return undefined;
    case 'allow':
      fake.settings.allow = command.operations === undefined ? undefined : new Set(command.operations);
      return undefined;
    case 'access-keys':
      fake.settings.accessKeys = command.ids === undefined ? undefined : new Set(command.ids);
      return undefined;
    case 'calls':
      return { calls: fake.calls.slice(command.since ?? 0), total: fake.calls.length };
    case 'faults-left':
      return { left: fake.faults.left };
    default:
      throw new RangeError(`no command ${String((command as { do: unknown }).do)}`);
  }
}
