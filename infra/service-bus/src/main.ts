import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { type BrokerOptions, startBroker } from './broker.ts';

const USAGE = 'usage: main.ts --queues FILE [--port PORT] [--data DIR]';
const DEFAULT_PORT = '5672';

/** Queues by name. The defaults are those of Azure. */
const queuesFile = z.record(
  z.string().min(1),
  z.strictObject({
    lockDurationSeconds: z.number().positive().default(60),
    maxDeliveryCount: z.int().positive().default(10),
    duplicateDetectionWindowSeconds: z.number().nonnegative().default(0),
    defaultTimeToLiveSeconds: z.number().positive().default(Infinity),
    deadLetterOnExpiration: z.boolean().default(false),
  }),
);

async function readOptions(): Promise<BrokerOptions> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: DEFAULT_PORT },
      queues: { type: 'string' },
      data: { type: 'string' },
    },
  });
  if (!/^\d{1,5}$/.test(values.port)) throw new Error(`--port ${values.port} is not a port; ${USAGE}`);
  if (values.queues === undefined) throw new Error(USAGE);
  const queues = queuesFile.safeParse(await readJson(values.queues));
  if (!queues.success) {
    const [issue] = queues.error.issues;
    throw new Error(`${values.queues}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  return { port: Number(values.port), queues: queues.data, dataDir: values.data };
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new Error(`${file} ${error instanceof SyntaxError ? 'is not valid JSON' : 'cannot be read'}`, {
      cause: error,
    });
  }
}

/** Runs until a signal stops it, or until the process that started it is gone. */
async function main(): Promise<void> {
  const options = await readOptions();
  const broker = await startBroker(options);
  let stopped: Promise<never> | undefined;
  for (const event of ['SIGINT', 'SIGTERM', 'disconnect']) {
    process.on(event, () => {
      stopped ??= broker.stop().then(() => process.exit(0));
    });
  }
  const names = Object.keys(options.queues).join(', ');
  console.log(
    `Service Bus broker on 127.0.0.1:${broker.port}, queues: ${names}. Connection string: ${broker.connectionString}`,
  );
}

await main().catch((error: unknown) => {
  const { message, code, port } = error as NodeJS.ErrnoException & { readonly port?: number };
  const problem = code === 'EADDRINUSE' ? `port ${port ?? ''} is already in use` : message;
  console.error(`Service Bus broker: ${problem.split('\n', 1)[0] ?? ''}`);
  process.exit(1);
});
