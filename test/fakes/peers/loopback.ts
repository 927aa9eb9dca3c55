/** Preloaded (`--import`) into other people's servers, which bind all interfaces and fixed ports: keeps them on loopback, on a free port that the parent is told,
 *  and ends them with their parent. */
import net from 'node:net';

type Listen = (this: net.Server, ...args: unknown[]) => net.Server;

const prototype = net.Server.prototype as unknown as { listen: Listen };
const listen = prototype.listen;

prototype.listen = function (this: net.Server, ...args) {
  const asked = portOf(args[0]);
  const callback = args.findLast((arg) => typeof arg === 'function');
  this.once('listening', () => process.send?.({ asked, port: (this.address() as net.AddressInfo).port }));
  return listen.call(this, { host: '127.0.0.1', port: 0 }, ...(callback === undefined ? [] : [callback]));
};

process.on('disconnect', () => process.exit(1));

function portOf(target: unknown): number {
  return Number(typeof target === 'object' && target !== null && 'port' in target ? target.port : target);
}
