/** The writes of a row as DynamoDB takes them: attribute by attribute, so that what other programs keep in the item survives, and on condition that nobody wrote in between. Pure. */
import type { AttributeValue, UpdateItemCommandInput } from '@aws-sdk/client-dynamodb';
import { hasMoved, leaseAttributes, type Lease, type Mark } from './dynamodb-item.ts';
import { keyAttributes, type LeaseKey } from './dynamodb-keys.ts';
import type { ShardRow } from './store.ts';

export type ConditionedUpdate = Required<
  Pick<
    UpdateItemCommandInput,
    'ConditionExpression' | 'UpdateExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'
  >
>;

const PENDING = ['pendingCheckpoint', 'pendingCheckpointSubSequenceNumber', 'pendingCheckpointState'];
const SWITCHES = 'ownerSwitchesSinceCheckpoint';

/** Creates the item when `before` is undefined. */
export function updateOf(key: LeaseKey, row: ShardRow, before: Lease | undefined, mark: Mark): ConditionedUpdate {
  const update = new Expressions();
  for (const [name, value] of Object.entries(leaseAttributes(row, mark)))
    if (value === undefined) update.remove(name);
    else update.set(name, value);
  for (const [name, value] of Object.entries(keyAttributes(key))) update.set(name, { S: value });
  const moved = before === undefined || hasMoved(before, row);
  if (moved) {
    update.set(SWITCHES, { N: '0' });
    PENDING.forEach((name) => update.remove(name));
  } else if (replacesOwner(before, row)) update.add(SWITCHES, { N: '1' });
  // As a KCL does when it takes a lease: whoever was asked to hand over is no longer asked.
  if (before?.owner !== row.owner) update.remove('checkpointOwner');
  return update.on(unchanged(before));
}

/** Holds as long as the row is as it was; a counter only grows. */
export function unchanged(before: Lease | undefined): { readonly text: string; readonly values: Values } {
  if (before === undefined) return { text: 'attribute_not_exists(leaseKey)', values: {} };
  return { text: 'leaseCounter = :before', values: { ':before': { N: String(before.version - 1) } } };
}

type Values = Readonly<Record<string, AttributeValue>>;

function replacesOwner(before: Lease, row: ShardRow): boolean {
  return before.owner !== undefined && row.owner !== undefined && before.owner !== row.owner;
}

class Expressions {
  readonly #sets: string[] = [];
  readonly #removes: string[] = [];
  readonly #adds: string[] = [];
  readonly #names: Record<string, string> = {};
  readonly #values: Record<string, AttributeValue> = {};

  set(name: string, value: AttributeValue): void {
    this.#sets.push(`${this.#name(name)} = ${this.#value(name, value)}`);
  }

  add(name: string, value: AttributeValue): void {
    this.#adds.push(`${this.#name(name)} ${this.#value(name, value)}`);
  }

  remove(name: string): void {
    this.#removes.push(this.#name(name));
  }

  on(condition: { readonly text: string; readonly values: Values }): ConditionedUpdate {
    const clauses = { SET: this.#sets, REMOVE: this.#removes, ADD: this.#adds };
    return {
      ConditionExpression: condition.text,
      UpdateExpression: Object.entries(clauses)
        .filter(([, parts]) => parts.length > 0)
        .map(([clause, parts]) => `${clause} ${parts.join(', ')}`)
        .join(' '),
      ExpressionAttributeNames: this.#names,
      ExpressionAttributeValues: { ...this.#values, ...condition.values },
    };
  }

  #name(name: string): string {
    this.#names[`#${name}`] = name;
    return `#${name}`;
  }

  #value(name: string, value: AttributeValue): string {
    this.#values[`:${name}`] = value;
    return `:${name}`;
  }
}
