import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { compose } from '../../functions/compose/compose.ts';
import type { TaskCatalogue } from '../../shared/orchestration/tasks/taskCatalogue.ts';
import { readConfig } from '../../shared/platform/config/readConfig.ts';
import { root } from '../local/processes.ts';
import { startTopology } from '../local/topology.ts';
import { type Examples, runExamples } from './examples.ts';
import { renderAgentDocs } from './render.ts';

export const docsDir = join(root, 'docs');
const examplesFile = join(docsDir, 'examples/agents.json');

/** Returns the pages of the agents for the current code, with the recorded examples, by their paths below `docs/`. */
export async function agentDocs(): Promise<ReadonlyMap<string, string>> {
  const examples = JSON.parse(await readFile(examplesFile, 'utf8')) as Examples;
  const pages = renderAgentDocs(await catalogue(), examples);
  return new Map(
    await Promise.all(
      Array.from(pages, async ([path, text]) => [path, await formatted(text, 'markdown')] as const),
    ),
  );
}

/** Composes the apps without real services: nothing connects before its first use. */
const catalogue = (): Promise<TaskCatalogue> =>
  compose(
    readConfig({
      MREG_APP: 'management',
      MREG_TABLES: 'https://nowhere.table.core.windows.net',
      MREG_SERVICE_BUS__fullyQualifiedNamespace: 'nowhere.servicebus.windows.net',
      MREG_API_CLIENT_ID: '00000000-0000-4000-8000-000000000000',
      MREG_SEALING_KEYS: 'a-sealing-key-of-the-docs-that-is-long-enough',
      MREG_TENANTS: '00000000-0000-4000-8000-000000000000',
      MREG_PUBLIC_ORIGIN: 'https://mcp.contoso.com',
      MREG_MANAGEMENT_ORIGIN: 'https://registry.contoso.com',
    }),
  ).tasks();

async function formatted(text: string, parser: 'markdown' | 'json'): Promise<string> {
  return format(text, { ...(await resolveConfig(join(docsDir, 'agents.md'))), parser });
}

/** Runs every task that needs no other one first, on its own topology with the sample servers. */
async function makeExamples(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'agent-examples-'));
  const topology = await startTopology({ portOffset: 1_500, dataDir, demo: true });
  try {
    const examples = await runExamples(topology, await catalogue(), (line) => {
      console.error(line);
    });
    await writeFile(examplesFile, await formatted(JSON.stringify(examples), 'json'));
  } finally {
    await topology.stop();
    await rm(dataDir, { recursive: true });
  }
}

if (import.meta.main) {
  if (process.argv.includes('--run')) await makeExamples();
  for (const [path, text] of await agentDocs()) {
    await mkdir(dirname(join(docsDir, path)), { recursive: true });
    await writeFile(join(docsDir, path), text);
  }
}
