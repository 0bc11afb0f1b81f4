import { createServer, type RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { bareServer, eraSchema } from './bareServer.ts';

/**
 * Bare MCP servers over HTTP, in a process of their own, which says their URLs. Arguments: the era, how many servers, how many
 * tools each has beside `echo` and `stream`, and the port of the first.
 */
const [era = 'legacy', servers = '1', moreTools = '0', firstPort = '0'] = process.argv.slice(2);
const answerOf = bareServer(eraSchema.parse(era), Number(moreTools));

const answer: RequestListener = (request, response) => {
  void text(request).then((body) => {
    const { messages, isOpen = false } = answerOf(body);
    if (messages.length === 0) {
      response.writeHead(request.method === 'POST' ? 202 : 405).end();
    } else if (messages.length === 1 && !isOpen) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(messages[0]);
    } else {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const events = messages.map((message) => `data: ${message}\n\n`);
      for (const event of events.slice(0, -1)) response.write(event);
      if (isOpen) response.write(events.at(-1));
      else response.end(events.at(-1));
    }
  });
};

const urls: string[] = [];
for (let number = 0; number < Number(servers); number++) {
  const port = firstPort === '0' ? 0 : Number(firstPort) + number;
  const server = createServer(answer).listen(port, '127.0.0.1', () => {
    const address = server.address();
    if (typeof address === 'object' && address) urls.push(`http://127.0.0.1:${address.port}/mcp`);
    if (urls.length < Number(servers)) return;
    if (process.send) process.send(urls);
    else console.log(urls.join('\n'));
  });
}
process.on('disconnect', () => process.exit());
