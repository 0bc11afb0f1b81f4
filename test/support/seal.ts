import { createSeal } from '../../shared/platform/seal.ts';
import { testSealingKey } from './config.ts';

export const testSeal = createSeal([testSealingKey]);
