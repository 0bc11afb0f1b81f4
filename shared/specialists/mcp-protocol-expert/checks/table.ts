import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Era } from '../../../registry/records/era.ts';
import type { Transcript } from '../transcript/transcript.ts';
import { answerChecks } from './http.ts';
import { browserChecks } from './browsers.ts';
import { capabilityChecks } from './capabilities.ts';
import { catalogueChecks } from './promptsAndResources.ts';
import { type Check, type Judgement, notApplicable } from './check.ts';
import { discoveryChecks } from './modernEra.ts';
import { errorChecks } from './errors.ts';
import { eventStreamChecks } from './eventStreams.ts';
import { handshakeChecks } from './legacyEra.ts';
import { listChecks } from './lists.ts';
import { messageChecks } from './messages.ts';
import { metadataChecks } from './metadata.ts';
import { requestMetadataChecks } from './requestMetadata.ts';
import { resultChecks } from './results.ts';
import { sessionChecks } from './sessions.ts';
import { toolChecks } from './tools.ts';

/** Every check, by the family that it belongs to. */
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

/** Runs every check of its era on a transcript. A transcript may be long, so it yields to the event loop after each check. */
export async function judge(transcript: Transcript): Promise<readonly Judged[]> {
  const { era, version } = transcript;
  const judged: Judged[] = [];
  for (const check of checks.filter(({ spec }) => spec[era] !== undefined)) {
    const judgement = isInForce(check, transcript)
      ? check.judge(transcript)
      : notApplicable(`it is not part of ${version === '' ? 'an unknown version' : version}`);
    judged.push({ check, judgement });
    await nextTurn();
  }
  return judged;
}

/** Versions are dates, so their text sorts as they do. A server that named no version is held to the newest. */
const isInForce = ({ since, until }: Check, { era, version }: Transcript): boolean =>
  era === 'modern' ||
  ((since === undefined || version === '' || version >= since) &&
    (until === undefined || (version !== '' && version <= until)));

const SITE = 'https://modelcontextprotocol.io/specification/';

/** The address of what a check refers to. */
export const addressOf = ({ spec }: Check, era: Era): string => `${SITE}${spec[era] ?? ''}`;
