import { createInterface } from 'node:readline';
import { bareServer, eraSchema } from './bareServer.ts';

/** The bare server over standard input and output, for peers that start their server themselves. Argument: the era. */
const answerOf = bareServer(eraSchema.parse(process.argv[2]), 0);
createInterface({ input: process.stdin }).on('line', (line) => {
  for (const message of answerOf(line).messages) process.stdout.write(`${message}\n`);
});
