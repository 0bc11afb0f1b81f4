import type { Breakage } from './breakages.ts';
import { legacyBreakages } from './breakLegacy.ts';
import { modernBreakages } from './breakModern.ts';
import { offerBreakages } from './breakOffers.ts';
import { wireBreakages } from './breakWire.ts';

/** Every breakage that a check must name, and no other check. */
export const breakages: readonly Breakage[] = [
  ...wireBreakages,
  ...legacyBreakages,
  ...modernBreakages,
  ...offerBreakages,
];
