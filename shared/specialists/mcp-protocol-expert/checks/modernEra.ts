import { METHOD_NOT_FOUND, UNSUPPORTED_VERSION } from '../../../gateway/protocol/errorCodes.ts';
import { isObject } from '../../../gateway/protocol/jsonRpc.ts';
import { LATEST_MODERN, LEGACY_VERSIONS, META, metaOf } from '../../../gateway/protocol/versions.ts';
import { errorIn, responseIn, resultIn, type Transcript } from '../transcript/transcript.ts';
import { type Check, each, failed, type Judgement, notApplicable, passed } from './check.ts';
import { answersToRequests, isString, refusedWith, results, statusOf, step } from './look.ts';

const versioning = { modern: '2026-07-28/basic/versioning#protocol-version-negotiation' };
const older = { modern: '2026-07-28/basic/transports/streamable-http#earlier-streamable-http-revisions' };

const versionsOf = ({ profile }: Transcript): readonly unknown[] =>
  Array.isArray(profile['supportedVersions']) ? (profile['supportedVersions'] as unknown[]) : [];

/** A server of both eras does in the other one what that one wants. */
export const ifModernOnly = (transcript: Transcript, judge: () => Judgement): Judgement =>
  versionsOf(transcript).some((version) => LEGACY_VERSIONS.includes(String(version)))
    ? notApplicable('it speaks the legacy era too')
    : judge();

/** How a server of the modern era presents itself, and what it makes of clients of other versions. */
export const discoveryChecks: readonly Check[] = [
  {
    id: 'discover_answered',
    spec: { modern: '2026-07-28/server/discover' },
    severity: 'critical',
    requires: 'server/discover is answered with a result.',
    remedy: 'Implement server/discover: every server of 2026-07-28 has it.',
    judge: ({ opening }) =>
      resultIn(opening)
        ? passed()
        : failed('server/discover came to no result', { status: opening.answer?.status }),
  },
  {
    id: 'supported_versions_named',
    spec: { modern: '2026-07-28/server/discover#discoverresult' },
    severity: 'critical',
    requires: `server/discover names the versions that the server speaks, ${LATEST_MODERN} among them.`,
    remedy: 'List all versions of the server, as strings, in supportedVersions.',
    judge: (transcript: Transcript): Judgement => {
      if (!resultIn(transcript.opening)) return notApplicable('server/discover was not answered');
      const versions = versionsOf(transcript);
      if (!versions.every(isString)) return failed('supportedVersions holds what is no string');
      return versions.includes(LATEST_MODERN)
        ? passed({ versions: versions.length })
        : failed(`supportedVersions does not name ${LATEST_MODERN}`, { versions: versions.length });
    },
  },
  {
    id: 'unknown_version_code',
    spec: versioning,
    severity: 'critical',
    requires: `A version that the server does not speak is refused with the error ${UNSUPPORTED_VERSION}.`,
    remedy: 'Look at the version in the _meta of each request before serving it.',
    judge: (transcript) => refusedWith(transcript, 'unknown version', [UNSUPPORTED_VERSION]),
  },
  {
    id: 'unknown_version_status',
    spec: { modern: '2026-07-28/basic/transports/streamable-http#protocol-version-header' },
    severity: 'critical',
    requires: 'A version that the server does not speak is refused with HTTP 400.',
    remedy: 'Answer 400 with the error: gateways read the status before the body.',
    judge: (transcript) => statusOf(transcript, 'unknown version', 400),
  },
  {
    id: 'unknown_version_data',
    spec: versioning,
    severity: 'critical',
    requires: 'That refusal lists the versions that the server speaks, and names the one that was asked for.',
    remedy: 'Put supported and requested into the data of the error: clients choose from supported.',
    judge: (transcript) =>
      step(transcript, 'unknown version', (_answer, exchanged) => {
        const error = errorIn(exchanged);
        if (error?.['code'] !== UNSUPPORTED_VERSION)
          return notApplicable('it was not refused for its version');
        const { supported, requested } = isObject(error['data']) ? error['data'] : {};
        if (!Array.isArray(supported) || supported.length === 0 || !supported.every(isString))
          return failed('data.supported is no list of versions');
        return requested === '1900-01-01' ? passed() : failed('data.requested is not the version asked for');
      }),
  },
  {
    id: 'legacy_client_told',
    spec: { modern: '2026-07-28/basic/versioning#backward-compatibility-with-initialization-based-versions' },
    severity: 'warning',
    requires: 'A server without the legacy era names its versions where it refuses initialize.',
    remedy: 'Name the versions in the error: a legacy client has nothing else to show to its user.',
    judge: (transcript) =>
      ifModernOnly(transcript, () =>
        step(transcript, 'initialize', ({ status }, exchanged) =>
          JSON.stringify(responseIn(exchanged)?.['error'] ?? '').includes(LATEST_MODERN)
            ? passed()
            : failed('it does not name them', { status }),
        ),
      ),
  },
  {
    id: 'server_named_in_results',
    spec: { modern: '2026-07-28/basic#_meta' },
    severity: 'warning',
    requires: 'Every result names the server in its _meta.',
    remedy: `Put ${META.serverInfo}, with name and version, into the _meta of every result.`,
    judge: (transcript) =>
      each(results(transcript), 'there was no result', (result) =>
        META.serverInfo in metaOf(result) ? undefined : 'its _meta does not name the server',
      ),
  },
  {
    id: 'removed_method_refused',
    spec: { modern: '2026-07-28/changelog' },
    severity: 'critical',
    requires: `ping, which is no method of the era any more, is refused with ${METHOD_NOT_FOUND}.`,
    remedy: 'Serve the methods of the legacy era to requests of the legacy era only.',
    judge: (transcript) => refusedWith(transcript, 'removed method', [METHOD_NOT_FOUND]),
  },
  {
    id: 'get_not_allowed',
    spec: older,
    severity: 'warning',
    requires: 'GET is answered with HTTP 405.',
    remedy: 'Answer 405 to every method but POST.',
    judge: (transcript) => ifModernOnly(transcript, () => statusOf(transcript, 'GET', 405)),
  },
  {
    id: 'delete_not_allowed',
    spec: older,
    severity: 'warning',
    requires: 'DELETE is answered with HTTP 405.',
    remedy: 'Answer 405 to every method but POST.',
    judge: (transcript) => ifModernOnly(transcript, () => statusOf(transcript, 'DELETE', 405)),
  },
  {
    id: 'no_session_minted',
    spec: older,
    severity: 'warning',
    requires: 'No answer has an Mcp-Session-Id: the era has no sessions.',
    remedy: 'Give session ids to clients of the legacy era only.',
    judge: (transcript) =>
      each(answersToRequests(transcript), 'no request was answered', ({ answer: { headers } }) =>
        headers['mcp-session-id'] === undefined ? undefined : 'it has the header',
      ),
  },
  {
    id: 'foreign_session_ignored',
    spec: older,
    severity: 'warning',
    requires: 'An Mcp-Session-Id in a request is ignored.',
    remedy: 'Do not look at the header where the request is of this era.',
    judge: (transcript) =>
      step(transcript, 'session of another era', ({ status }, exchanged) =>
        resultIn(exchanged) ? passed() : failed('it was refused', { status }),
      ),
  },
  {
    id: 'notification_answered',
    spec: { modern: '2026-07-28/basic/transports/streamable-http#sending-messages' },
    severity: 'critical',
    requires: 'A notification is answered with HTTP 202 and no body, or with an error status.',
    remedy: 'Answer a message without an id with 202 and an empty body.',
    judge: (transcript) =>
      step(transcript, 'notification', ({ status, bytes }) =>
        status >= 400 || (status === 202 && bytes === 0)
          ? passed({ status })
          : failed(`it had HTTP ${status} and ${bytes} bytes`, { status, bytes }),
      ),
  },
];
