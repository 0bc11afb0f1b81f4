import type { Task } from '../../orchestration/task/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import { auditRegistration } from './auditRegistration.ts';
import { authenticateAdmin } from './authenticateAdmin.ts';

/** What the security auditor can do: sign-in, roles, tenants, the audit trail. */
export const auditorTasks = (deps: SpecialistDeps): readonly Task[] => [
  authenticateAdmin(),
  auditRegistration(deps),
];
