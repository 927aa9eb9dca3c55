/** What the reader's container asks for and may use. Pure. */
import type { LogStreamSpec } from '../logstream.ts';
import { nanosOf } from './quantity.ts';

type Quantities = Readonly<Record<string, string | number>>;

export interface Resources {
  readonly requests: Quantities;
  readonly limits: Quantities;
}

const REQUESTS: Quantities = { cpu: '50m', memory: '128Mi' };
/** MiB that a reader needs besides what it has fetched and not delivered. */
const OWN_MB = 192;
const DEFAULT_IN_FLIGHT_MB = 64;

/** What is not given is filled in, and never so that a request is above a limit: the server would refuse that. No limit of CPU: throttling delays heartbeats. */
export function resourcesOf({ resources, maxMegabytesInFlight = DEFAULT_IN_FLIGHT_MB }: LogStreamSpec): Resources {
  const given = resources ?? {};
  const limits = given.limits ?? atLeast({ memory: `${OWN_MB + maxMegabytesInFlight}Mi` }, given.requests ?? {});
  const requests = given.requests ?? atMost(REQUESTS, limits);
  return { requests, limits };
}

const atMost = (amounts: Quantities, limits: Quantities): Quantities =>
  where(amounts, limits, (amount, limit) => amount > limit);
const atLeast = (amounts: Quantities, requests: Quantities): Quantities =>
  where(amounts, requests, (amount, request) => amount < request);

/** `amounts`, with those of `others` in their place when the condition holds. */
function where(
  amounts: Quantities,
  others: Quantities,
  takesOther: (amount: bigint, other: bigint) => boolean,
): Quantities {
  const chosen = Object.entries(amounts).map(([name, amount]) => {
    const [own, other] = [nanosOf(amount), nanosOf(others[name])];
    return [name, own !== undefined && other !== undefined && takesOther(own, other) ? others[name]! : amount];
  });
  return Object.fromEntries(chosen) as Quantities;
}

/** Names of what is requested above its limit. */
export function aboveLimit({ requests, limits }: Resources): string[] {
  return Object.keys(requests).filter((name) => {
    const [request, limit] = [nanosOf(requests[name]), nanosOf(limits[name])];
    return request !== undefined && limit !== undefined && request > limit;
  });
}
