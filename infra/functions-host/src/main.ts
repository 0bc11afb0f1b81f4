import { readHostOptions, startHost } from './functionsHost.ts';

/** Runs until a signal stops it, or until the process that started it is gone. */
async function main(): Promise<void> {
  const host = await startHost(readHostOptions(process.argv.slice(2)));
  let stopped: Promise<never> | undefined;
  for (const event of ['SIGINT', 'SIGTERM', 'disconnect']) {
    process.on(event, () => {
      stopped ??= host.stop().then(() => process.exit(0));
    });
  }
  console.log(host.line);
}

await main().catch((error: unknown) => {
  const { message, code, port } = error as NodeJS.ErrnoException & { readonly port?: number };
  const problem = code === 'EADDRINUSE' ? `port ${port ?? ''} is already in use` : message;
  console.error(`Functions host: ${problem.split('\n', 1)[0] ?? ''}`);
  process.exit(1);
});
