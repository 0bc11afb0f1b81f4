import { readHostOptions, startHost } from '@mcp-registry-gateway/functions-host';
import { runChild } from './childProcess.ts';

await runChild('Functions host', () => startHost(readHostOptions(process.argv.slice(2))));
