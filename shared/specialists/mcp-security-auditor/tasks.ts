import type { Task } from '../../orchestration/tasks/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import { auditTrailCompleteness } from './auditCompleteness.ts';
import { auditTrailAnalysis } from './auditTrailAnalysis.ts';
import { auditLoggingVerification } from './auditVerification.ts';
import { handleAuthenticationFailure } from './handleAuthenticationFailure.ts';
import { tenantIsolationTest } from './isolation/tenantIsolationTest.ts';
import { oauthFlowTest } from './oauthFlowTest.ts';
import { azureConnectivity, azureOauthSetup, azureOauthValidation } from './oauthSetup.ts';
import { auditRegistration, authenticateAdmin } from './registrationSteps.ts';
import { roleBasedAccess } from './roleAccess.ts';
import { roleBasedAccessTest } from './roleAccessTest.ts';
import { securityReport } from './securityReport.ts';
import { jwtTokenValidationTest } from './tokenForgeryTest.ts';
import { jwtTokenValidation } from './tokenValidation.ts';

/** The tasks of the security auditor: sign-in, roles, tenants, the audit trail. */
export const auditorTasks = (deps: SpecialistDeps): readonly Task[] => [
  authenticateAdmin(),
  auditRegistration(deps),
  azureOauthSetup(deps),
  jwtTokenValidation(deps),
  roleBasedAccess(deps),
  auditTrailAnalysis(deps),
  azureOauthValidation(deps),
  oauthFlowTest(deps),
  auditLoggingVerification(deps),
  jwtTokenValidationTest(deps),
  roleBasedAccessTest(deps),
  tenantIsolationTest(deps),
  auditTrailCompleteness(deps),
  azureConnectivity(deps),
  securityReport(deps),
  handleAuthenticationFailure(deps),
];
