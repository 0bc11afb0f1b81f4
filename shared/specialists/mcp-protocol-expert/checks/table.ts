import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Era } from '../../../registry/records/era.ts';
import type { Transcript } from '../transcript/transcript.ts';
import { capabilityChecks } from './capabilities.ts';
import { type Check, type Judgement, notApplicable } from './check.ts';
import { errorChecks } from './errors.ts';
import { eventStreamChecks } from './eventStreams.ts';
import { answerChecks, browserChecks } from './http.ts';
import { handshakeChecks, sessionChecks } from './legacyEra.ts';
import { listChecks } from './lists.ts';
import { messageChecks, resultChecks } from './messages.ts';
import { metadataChecks } from './metadata.ts';
import { discoveryChecks, requestMetadataChecks } from './modernEra.ts';
import { catalogueChecks } from './promptsAndResources.ts';
import { toolChecks } from './tools.ts';

/** Every check, by its family. */
export const checkFamilies: Readonly<Record<string, readonly Check[]>> = {
  'Answers over HTTP': answerChecks,
  Messages: messageChecks,
  'Event streams': eventStreamChecks,
  'Handshake of the 2025 era': handshakeChecks,
  'Sessions of the 2025 era': sessionChecks,
  'Discovery of the 2026 era': discoveryChecks,
  'Request metadata of the 2026 era': requestMetadataChecks,
  'Results of the 2026 era': resultChecks,
  Capabilities: capabilityChecks,
  Lists: listChecks,
  Tools: toolChecks,
  'Prompts and resources': catalogueChecks,
  'What a server says of itself': metadataChecks,
  Errors: errorChecks,
  Browsers: browserChecks,
};
export const checks: readonly Check[] = Object.values(checkFamilies).flat();

export interface Judged {
  readonly check: Check;
  readonly judgement: Judgement;
}

/** Runs every check of the transcript's era. Yields to the event loop after each check, since a transcript may be long. */
export async function judge(transcript: Transcript): Promise<readonly Judged[]> {
  const { era, version } = transcript;
  const judged: Judged[] = [];
  for (const check of checks.filter(({ spec }) => spec[era] !== undefined)) {
    const judgement = isInForce(check, transcript)
      ? check.judge(transcript)
      : notApplicable(`${version === '' ? 'an unknown version' : version} does not have this requirement`);
    judged.push({ check, judgement });
    await nextTurn();
  }
  return judged;
}

/** Versions are dates, so they sort as text. A server that named no version is checked against the newest. */
const isInForce = ({ since, until }: Check, { era, version }: Transcript): boolean =>
  era === 'modern' ||
  ((since === undefined || version === '' || version >= since) &&
    (until === undefined || (version !== '' && version <= until)));

const SITE = 'https://modelcontextprotocol.io/specification/';

/** Returns the URL of the section that a check cites. */
export const addressOf = ({ spec }: Check, era: Era): string => `${SITE}${spec[era] ?? ''}`;
