import { createSeal } from '../../shared/platform/security/seal.ts';
import { testSealingKey } from './config.ts';

export const testSeal = createSeal([testSealingKey]);
