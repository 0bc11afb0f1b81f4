import { z } from 'zod';
import type { Audit } from '../../shared/audit/journal/audit.ts';
import { runDelegation } from '../../shared/orchestration/engine/runDelegation.ts';
import { defineTask } from '../../shared/orchestration/tasks/task.ts';
import { type TaskCatalogue, taskCatalogue } from '../../shared/orchestration/tasks/taskCatalogue.ts';
import { type fail, succeed } from '../../shared/platform/base/result.ts';
import { type Discovery, discoverySchema } from '../../shared/registry/records/server.ts';
import type { VersionStore } from '../../shared/registry/versions/versionStore.ts';
import {
  rejectRegistration,
  removeServer,
  takeSlugOf,
  updateRegistry,
  updateServer,
} from '../../shared/specialists/mcp-orchestrator/enterServers.ts';
import { registerServers } from '../../shared/specialists/mcp-orchestrator/registerServers.ts';
import { auditRegistration } from '../../shared/specialists/mcp-security-auditor/auditRegistration.ts';
import { authenticateAdmin } from '../../shared/specialists/mcp-security-auditor/authenticateAdmin.ts';
import { type Faults, type TestEngine, testEngine } from './engine.ts';

export const discovery: Discovery = {
  era: 'legacy',
  protocolVersion: '2025-11-25',
  serverInfo: { name: 's', version: '1' },
  capabilities: {},
  tools: [{ name: 'search' }],
  discoveredAt: '2026-01-01T00:00:00Z',
};

export interface RegistryOptions extends Faults {
  readonly auditFails?: () => boolean;
  readonly validate?: (url: string) => ReturnType<typeof succeed<Discovery>> | ReturnType<typeof fail>;
}

export interface TestRegistry extends Omit<TestEngine, 'drain' | 'recover'> {
  /** Each time that a server was connected to. */
  readonly runs: string[];
  readonly tasks: TaskCatalogue;
  readonly versions: VersionStore;
  drain(): Promise<void>;
  recover(): Promise<void>;
  /** Delivers messages as they come, many at the same time, until none is left. */
  pump(): Promise<void>;
}

/** The engine with the tasks that change the registry, of which the validation does as it is told. */
export function testRegistry({
  validate = () => succeed(discovery),
  auditFails,
  ...faults
}: RegistryOptions = {}): TestRegistry {
  const run = testEngine(faults);
  const runs: string[] = [];
  const validation = defineTask({
    name: 'validate_server_config',
    agent: 'fastmcp-specialist',
    permissions: ['delegations.read'],
    description: '',
    timeoutMs: 1_000,
    input: z.object({ url: z.string() }),
    output: discoverySchema,
    run: ({ url }) => {
      runs.push('validate');
      return Promise.resolve(validate(url));
    },
  });
  const audit: Audit = {
    append: (event) => {
      run.deps.audit.append(event);
    },
    writeAhead: () =>
      auditFails?.() ? Promise.reject(new Error('away')) : Promise.resolve({ end: () => undefined }),
    flush: () => Promise.resolve(),
  };
  const tasks = taskCatalogue([
    authenticateAdmin(),
    takeSlugOf(run.deps),
    validation,
    updateRegistry(run.deps),
    rejectRegistration(run.deps),
    updateServer(run.deps),
    removeServer(run.deps),
    registerServers(run.deps),
    auditRegistration({ audit }),
  ]);

  async function pump() {
    const underWay = new Set<Promise<void>>();
    while (run.queue.length > 0 || underWay.size > 0) {
      for (const { body, agent } of run.queue.splice(0)) {
        const handled: Promise<void> = runDelegation(body, agent, tasks, run.deps).finally(() => {
          underWay.delete(handled);
        });
        underWay.add(handled);
      }
      await new Promise((done) => setTimeout(done, 5));
    }
  }

  return {
    ...run,
    runs,
    tasks,
    versions: run.deps.versions,
    drain: () => run.drain(tasks),
    recover: () => run.recover(tasks),
    pump,
  };
}
