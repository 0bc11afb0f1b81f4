import { bulkRegistrationPlan } from './bulkRegistration.ts';
import { deploymentPlan } from './deployment.ts';
import { healthCheckPlan } from './healthCheck.ts';
import type { NamedPlan } from './namedPlan.ts';
import { gatePlan, type QualityGates } from './qualityGates.ts';
import { serverRegistrationPlan } from './serverRegistration.ts';
import { serverRemovalPlan } from './serverRemoval.ts';
import { serverUpdatePlan } from './serverUpdate.ts';
import { systemReportPlan } from './systemReport.ts';

/** Returns every plan that has a name. The quality gates among them include those of the settings. */
export const namedPlans = (gates: QualityGates): readonly NamedPlan[] => [
  serverRegistrationPlan,
  serverUpdatePlan,
  serverRemovalPlan,
  bulkRegistrationPlan,
  ...Object.entries(gates).map(([name, checks]) => gatePlan(name, checks)),
  healthCheckPlan,
  systemReportPlan,
  deploymentPlan(gates),
];
