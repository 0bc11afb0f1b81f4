import { setTimeout } from 'node:timers/promises';
import { LocalError } from '../local/localError.ts';
import { runEntra } from './run.ts';
import { signInToGraph } from './signIn.ts';

try {
  await runEntra(process.argv.slice(2), {
    origin: 'https://graph.microsoft.com',
    env: process.env,
    signIn: signInToGraph,
    wait: setTimeout,
    report: (line) => {
      console.error(line);
    },
    print: (line) => {
      console.log(line);
    },
  });
} catch (error) {
  if (!(error instanceof LocalError)) throw error;
  console.error(`npm run entra: ${error.message}`);
  process.exitCode = 1;
}
