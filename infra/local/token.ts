import { portsFor } from './defaults.ts';
import { mintAt } from './mint.ts';
import { tokenOptions } from './options.ts';

/** Prints an access token and nothing else, so that `$(npm run --silent token -- --role Admin)` is one. */
try {
  const { portOffset, ...request } = tokenOptions(process.argv.slice(2));
  console.log(await mintAt(portsFor(portOffset).issuer, request));
} catch (error) {
  console.error(`npm run token: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
