import { createSeal } from '../../shared/platform/seal.ts';

/** The seal of tests; the key is as long as the settings want it. */
export const testSeal = createSeal(['a-sealing-key-of-tests-that-is-long-enough']);
