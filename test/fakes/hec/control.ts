/** Remote control of the fake HEC: what tests in the same process do by calls, as JSON. */
import type { Token } from './collector.ts';
import type { Endpoint, Faults, Refusal } from './faults.ts';
import type { FakeHec, Port } from './hec.ts';

export interface HecProcessOptions {
  /** Chosen by the system without. */
  readonly port?: number;
  readonly tls?: boolean;
  readonly tokens?: Readonly<Record<string, Token>>;
  readonly indexers?: number;
  /** What is indexed is appended to it, an event a line, as it was sent. */
  readonly file?: string;
  readonly indexing?: IndexingSettings;
  /** inputs.conf, [http] maxEventSize. */
  readonly maxEventBytes?: number;
}

interface IndexingSettings {
  readonly held?: boolean;
  readonly delayMs?: number;
}

type FaultSettings = Partial<Pick<Faults, 'outage' | 'state' | 'health' | 'ackService' | 'maxBodyBytes' | 'delayMs'>>;

/** Body of a POST to the control address. */
export type Command =
  | { readonly do: 'faults'; readonly faults: FaultSettings }
  | { readonly do: 'refuse'; readonly calls: number; readonly refusal: Refusal; readonly endpoint?: Endpoint }
  | { readonly do: 'lose-answers'; readonly calls: number; readonly endpoint?: Endpoint }
  | { readonly do: 'hold'; readonly only?: Endpoint }
  | { readonly do: 'hold-answers' | 'release' | 'cut' }
  /** Makes it, or changes it. */
  | { readonly do: 'token'; readonly token: string; readonly settings: Token }
  | { readonly do: 'indexing'; readonly indexing: IndexingSettings }
  /** Requests that wait, the oldest first; all without. */
  | { readonly do: 'index'; readonly requests?: number }
  | { readonly do: 'drop' | 'mute'; readonly requests: number }
  /** Answers `State`. */
  | { readonly do: 'state' };

export interface State {
  /** Events that a search would find. */
  readonly indexed: number;
  /** Events that are accepted and not indexed. */
  readonly waiting: number;
  /** Calls so far, by endpoint. */
  readonly calls: Readonly<Record<string, number>>;
  /** Faults that nobody has met yet. */
  readonly faultsLeft: number;
}

export interface ControlAnswer {
  readonly status: number;
  readonly body: unknown;
}

export function control(hec: FakeHec, port: Port, body: string): ControlAnswer {
  try {
    return { status: 200, body: obey(hec, port, JSON.parse(body) as Command) ?? {} };
  } catch (error) {
    return { status: 400, body: { error: String(error) } };
  }
}

// eslint-disable-next-line complexity -- one short case per command reads better than a table of functions that each take all of them
function obey(hec: FakeHec, port: Port, command: Command): unknown {
  const { faults } = port;
  switch (command.do) {
    case 'faults':
      Object.assign(faults, command.faults);
      return undefined;
    case 'refuse':
      faults.refuse(command.calls, command.refusal, command.endpoint);
      return undefined;
    case 'lose-answers':
      faults.loseAnswers(command.calls, command.endpoint);
      return undefined;
    case 'hold':
      faults.hold(command.only);
      return undefined;
    case 'hold-answers':
      faults.holdAnswers();
      return undefined;
    case 'release':
      faults.release();
      return undefined;
    case 'cut':
      port.cut();
      return undefined;
    case 'token':
      hec.tokens.set(command.token, command.settings);
      return undefined;
    case 'indexing':
      Object.assign(hec.indexing, command.indexing);
      return undefined;
    case 'index':
      hec.indexing.index(command.requests);
      return undefined;
    case 'drop':
      hec.indexing.drop(command.requests);
      return undefined;
    case 'mute':
      hec.indexing.mute(command.requests);
      return undefined;
    case 'state':
      return stateOf(hec, port);
    default:
      throw new RangeError(`no command ${String((command as { do: unknown }).do)}`);
  }
}

function stateOf(hec: FakeHec, { calls, faults }: Port): State {
  const counts: Record<string, number> = { event: 0, ack: 0, health: 0, other: 0 };
  for (const { endpoint } of calls) counts[endpoint]!++;
  return { indexed: hec.events.length, waiting: hec.indexing.waiting, calls: counts, faultsLeft: faults.left };
}
