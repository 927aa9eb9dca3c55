#!/usr/bin/env node
/** The program `kinlog-operator`. */
import { hostname } from 'node:os';
import { systemClock } from '../base/clock.ts';
import { describeError, KinlogError, asKinlogError } from '../base/errors.ts';
import { EventLog, formatJson } from '../base/events.ts';
import { EXIT, Interruption, runProcess, type Surroundings } from '../cli/exit.ts';
import { parseCommandLine } from '../cli/options.ts';
import { version } from '../cli/version.ts';
import { kubeClient } from './kube/client.ts';
import { connect, type Connection } from './kube/connection.ts';
import { Operator, type PassParts, type Passes } from './operator.ts';
import { OPERATOR_SPEC, type OperatorOptions } from './options.ts';
import { Readers } from './readers/readers.ts';
import { Reconciler } from './reconcile/reconcile.ts';

async function operate(argv: readonly string[], around: Surroundings): Promise<number> {
  const line = parseCommandLine(OPERATOR_SPEC, argv, around.env);
  if (line.kind === 'help') {
    around.stdout.write(line.text);
    return EXIT.ok;
  }
  const options = line.values;
  const connection = await connect(options.kubeconfig);
  const namespace = ownNamespace(options, connection);
  const log = new EventLog((said) => around.stderr.write(`${formatJson(said, Date.now())}\n`), options.logLevel);
  const interruption = new Interruption((signal) => log.emit('operator.stopping', { signal }));
  const operator = new Operator({
    options,
    client: (onRequest) => kubeClient(connection, { log, onRequest }),
    namespace,
    identity: options.identity ?? hostname(),
    version: version(),
    clock: systemClock,
    log,
    passes: (parts) => passes(parts, options),
  });
  try {
    await operator.run(interruption.signal);
    log.emit('operator.stopped');
    return EXIT.ok;
  } catch (error) {
    log.emit('operator.failed', { error: describeError(error) });
    return asKinlogError(error, 'unexpected failure').exit;
  }
}

function ownNamespace({ namespace, leaderElect }: OperatorOptions, connection: Connection): string {
  const own = namespace ?? connection.namespace;
  if (own !== undefined || !leaderElect) return own ?? '';
  throw new KinlogError('KINLOG_CONFIG_INVALID', '--namespace is missing: the Lease of the leader has to be somewhere');
}

function passes(parts: PassParts, options: OperatorOptions): Passes {
  const readers = new Readers({ ...parts, intervalSeconds: options.statusIntervalSeconds });
  const reconciler = new Reconciler({ ...parts, readers });
  return {
    reconcile: (key, signal) => reconciler.reconcile(key, signal),
    run: (signal) => readers.run(signal),
  };
}

await runProcess((around) => operate(process.argv.slice(2), around));
