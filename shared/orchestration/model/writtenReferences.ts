import type { Agent } from './agents.ts';
import { referencePointers } from './references.ts';

/** A piece of work as a plan's row has it. */
interface Work {
  readonly agent: Agent;
  readonly task: string;
  readonly input?: unknown;
  readonly references?: readonly string[] | undefined;
}

/** Where the code of the named plans writes references, in inputs that hold callers' data too. */
const ofNamedPlans: Readonly<Record<string, readonly string[]>> = {
  update_registry: ['/discovery'],
  update_server: ['/discovery'],
  reject_registration: ['/error'],
  register_servers: [],
};

/**
 * The places of the references that the author of a plan wrote. A row of an earlier version lists none: there they are where
 * the code of the named plans writes them, and anywhere in the input of other tasks, which an administrator wrote whole.
 */
export function writtenReferences({ agent, task, input, references }: Work): readonly string[] {
  if (references) return references;
  const isOfNamedPlan = agent === 'mcp-orchestrator' && Object.hasOwn(ofNamedPlans, task);
  return (isOfNamedPlan ? ofNamedPlans[task] : undefined) ?? referencePointers(input);
}
