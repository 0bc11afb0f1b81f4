import { createServer, request } from 'node:http';

/** A reverse proxy that does nothing but pass bytes on, in a process of its own: what any hop costs. Says its origin. Arguments: URL, port. */
const target = new URL(process.argv[2] ?? '');
const server = createServer((incoming, outgoing) => {
  const { method, headers } = incoming;
  const onward = request(target, { method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
});
server.listen(Number(process.argv[3] ?? 0), '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address) process.send?.(`http://127.0.0.1:${address.port}`);
});
process.on('disconnect', () => process.exit());
