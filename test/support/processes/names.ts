import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

/**
 * Preloaded (`--import`) into a process, it is the network of that process: each name of `TEST_NAMES` has a public address, and a
 * connection to it goes to its port of the loopback address. No other name exists. TLS goes on to check the name.
 */
const ports = new Map(
  Object.entries(JSON.parse(process.env['TEST_NAMES'] ?? '{}') as Record<string, number>),
);

type Found = { address: string; family: number };
type Callback = (error: Error | null, found?: string | Found[], family?: number) => void;
interface Connecting {
  host?: string;
  port?: number;
  lookup?: (hostname: string, options: dns.LookupOptions, callback: Callback) => void;
}

const answer = (address: string, { all }: dns.LookupOptions, callback: Callback): void => {
  if (all === true) callback(null, [{ address, family: 4 }]);
  else callback(null, address, 4);
};

/** Any public address. No connection is made to it. */
const PUBLIC_ADDRESS = '20.0.0.1';
const { lookup } = dns;
const lookupName = (hostname: string, given: dns.LookupOptions | Callback, last?: Callback): void => {
  const [options, callback] = typeof given === 'function' ? [{}, given] : [given, last ?? (() => undefined)];
  if (ports.has(hostname)) process.nextTick(answer, PUBLIC_ADDRESS, options, callback);
  else if (net.isIP(hostname) !== 0) lookup(hostname, options, callback as never);
  else process.nextTick(callback, Object.assign(new Error(`no name ${hostname}`), { code: 'ENOTFOUND' }));
};
Object.assign(dns, { lookup: lookupName });
syncBuiltinESMExports();

const connect = Reflect.get(net.Socket.prototype, 'connect') as (...args: unknown[]) => net.Socket;
net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]): net.Socket {
  const [first] = args as [Connecting | [Connecting]];
  const options = Array.isArray(first) ? first[0] : first;
  const port = ports.get(options.host ?? '');
  if (port !== undefined) {
    // The caller's own lookup still judges the public address.
    const judge = options.lookup ?? lookupName;
    options.port = port;
    options.lookup = (hostname, given, callback) => {
      judge(hostname, given, (error) => {
        if (error) callback(error);
        else answer('127.0.0.1', given, callback);
      });
    };
  }
  return connect.apply(this, args);
};
