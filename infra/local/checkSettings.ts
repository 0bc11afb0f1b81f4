import { externalAgentsOf } from '../../shared/orchestration/agents/externalAgents.ts';
import { routesOf } from '../../shared/orchestration/model/eventRoutes.ts';
import { gatesOf } from '../../shared/orchestration/plans/qualityGates.ts';
import { ConfigError } from '../../shared/platform/config/config.ts';
import type { Environment } from '../../shared/platform/config/environment.ts';
import { readConfig } from '../../shared/platform/config/readConfig.ts';
import { LocalError } from './localError.ts';

/**
 * Reads the environment of an app as the app does, so that a wrong setting ends the start before a process begins.
 * @throws LocalError that names the settings, never their values.
 */
export function checkSettings(env: Environment): void {
  try {
    const { externalAgents, eventRoutes, qualityGates } = readConfig(env);
    externalAgentsOf(externalAgents);
    routesOf(eventRoutes);
    gatesOf(qualityGates);
  } catch (cause) {
    throw cause instanceof ConfigError ? new LocalError(cause.message, { cause }) : cause;
  }
}
