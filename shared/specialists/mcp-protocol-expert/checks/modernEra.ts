import { META, metaOf } from '../../../gateway/protocol/envelope.ts';
import {
  HEADER_MISMATCH,
  INVALID_PARAMS,
  METHOD_NOT_FOUND,
  UNSUPPORTED_VERSION,
} from '../../../gateway/protocol/errorCodes.ts';
import { isObject } from '../../../gateway/protocol/jsonRpc.ts';
import { FIRST_MODERN, LEGACY_VERSIONS } from '../../../gateway/protocol/versions.ts';
import { errorIn, responseIn, resultIn, type Transcript } from '../transcript/transcript.ts';
import {
  answersStatus,
  answersToRequests,
  type Check,
  each,
  failed,
  isString,
  type Judge,
  type Judgement,
  modern,
  notApplicable,
  passed,
  refuses,
  refusesWith,
  results,
  step,
} from './check.ts';

const versioning = modern('basic/versioning#protocol-version-negotiation');
const older = modern('basic/transports/streamable-http#earlier-streamable-http-revisions');

const versionsOf = ({ profile }: Transcript): readonly unknown[] =>
  Array.isArray(profile['supportedVersions']) ? (profile['supportedVersions'] as unknown[]) : [];

/** Does not apply to servers of both eras: they answer such requests as the legacy era requires. */
const ifModernOnly =
  (judge: Judge): Judge =>
  (transcript) =>
    versionsOf(transcript).some((version) => LEGACY_VERSIONS.includes(String(version)))
      ? notApplicable('it speaks the legacy era too')
      : judge(transcript);

/** How a server of the modern era declares itself, and how it answers clients of other versions. */
export const discoveryChecks: readonly Check[] = [
  {
    id: 'discover_answered',
    spec: modern('server/discover'),
    severity: 'critical',
    requires: 'server/discover is answered with a result.',
    remedy: 'Implement server/discover: the era requires it of every server.',
    judge: ({ opening }) =>
      resultIn(opening)
        ? passed()
        : failed('server/discover had no result', { status: opening.answer?.status }),
  },
  {
    id: 'supported_versions_named',
    spec: modern('server/discover#discoverresult'),
    severity: 'critical',
    requires: `server/discover names the versions of the server, ${FIRST_MODERN} among them.`,
    remedy: 'List all versions of the server, as strings, in supportedVersions.',
    judge: (transcript: Transcript): Judgement => {
      if (!resultIn(transcript.opening)) return notApplicable('server/discover was not answered');
      const versions = versionsOf(transcript);
      if (!versions.every(isString)) return failed('supportedVersions holds a value that is not a string');
      return versions.includes(FIRST_MODERN)
        ? passed({ versions: versions.length })
        : failed(`supportedVersions does not name ${FIRST_MODERN}`, { versions: versions.length });
    },
  },
  {
    id: 'unknown_version_code',
    spec: versioning,
    severity: 'critical',
    requires: `A version that the server does not speak is refused with the error ${UNSUPPORTED_VERSION}.`,
    remedy: 'Check the version in the _meta of each request before serving it.',
    judge: refusesWith('unknown version', UNSUPPORTED_VERSION),
  },
  {
    id: 'unknown_version_status',
    spec: modern('basic/transports/streamable-http#protocol-version-header'),
    severity: 'critical',
    requires: 'A version that the server does not speak is refused with HTTP 400.',
    remedy: 'Answer 400 with the error: gateways read the status before the body.',
    judge: answersStatus('unknown version', 400),
  },
  {
    id: 'unknown_version_data',
    spec: versioning,
    severity: 'critical',
    requires: 'This error lists the versions of the server, and names the requested version.',
    remedy:
      'Put supported and requested into the data of the error: clients choose a version from supported.',
    judge: step('unknown version', (_answer, exchanged) => {
      const error = errorIn(exchanged);
      if (error?.['code'] !== UNSUPPORTED_VERSION) return notApplicable('it was not refused for its version');
      const { supported, requested } = isObject(error['data']) ? error['data'] : {};
      if (!Array.isArray(supported) || supported.length === 0 || !supported.every(isString))
        return failed('data.supported is not a list of versions');
      return requested === '1900-01-01' ? passed() : failed('data.requested is not the requested version');
    }),
  },
  {
    id: 'legacy_client_told',
    spec: modern('basic/versioning#backward-compatibility-with-initialization-based-versions'),
    severity: 'warning',
    requires: 'A server without the legacy era names its versions when it refuses initialize.',
    remedy: 'Name the versions in the error: a legacy client can show its user nothing else.',
    judge: ifModernOnly(
      step('initialize', ({ status }, exchanged) =>
        JSON.stringify(responseIn(exchanged)?.['error'] ?? '').includes(FIRST_MODERN)
          ? passed()
          : failed('it does not name them', { status }),
      ),
    ),
  },
  {
    id: 'server_named_in_results',
    spec: modern('basic#_meta'),
    severity: 'warning',
    requires: 'Every result names the server in its _meta.',
    remedy: `Put ${META.serverInfo}, with name and version, into the _meta of every result.`,
    judge: each(results, 'there was no result', (result) =>
      META.serverInfo in metaOf(result) ? undefined : 'its _meta does not name the server',
    ),
  },
  {
    id: 'removed_method_refused',
    spec: modern('changelog'),
    severity: 'critical',
    requires: `ping, which the era removed, is refused with ${METHOD_NOT_FOUND}.`,
    remedy: 'Serve methods of the legacy era only to requests of the legacy era.',
    judge: refusesWith('removed method', METHOD_NOT_FOUND),
  },
  {
    id: 'get_not_allowed',
    spec: older,
    severity: 'warning',
    requires: 'GET is answered with HTTP 405.',
    remedy: 'Answer 405 to every method but POST.',
    judge: ifModernOnly(answersStatus('GET', 405)),
  },
  {
    id: 'delete_not_allowed',
    spec: older,
    severity: 'warning',
    requires: 'DELETE is answered with HTTP 405.',
    remedy: 'Answer 405 to every method but POST.',
    judge: ifModernOnly(answersStatus('DELETE', 405)),
  },
  {
    id: 'no_session_minted',
    spec: older,
    severity: 'warning',
    requires: 'No answer has an Mcp-Session-Id: the era has no sessions.',
    remedy: 'Give session ids to clients of the legacy era only.',
    judge: each(answersToRequests, 'no request was answered', ({ answer: { headers } }) =>
      headers['mcp-session-id'] === undefined ? undefined : 'it has the header',
    ),
  },
  {
    id: 'foreign_session_ignored',
    spec: older,
    severity: 'warning',
    requires: 'An Mcp-Session-Id in a request is ignored.',
    remedy: 'Ignore the header if the request is of this era.',
    judge: step('session of another era', ({ status }, exchanged) =>
      resultIn(exchanged) ? passed() : failed('it was refused', { status }),
    ),
  },
  {
    id: 'notification_answered',
    spec: modern('basic/transports/streamable-http#sending-messages'),
    severity: 'critical',
    requires: 'A notification is answered with HTTP 202 and no body, or with an error status.',
    remedy: 'Answer a message without an id with 202 and an empty body.',
    judge: step('notification', ({ status, bytes }) =>
      status >= 400 || (status === 202 && bytes === 0)
        ? passed({ status })
        : failed(`it had HTTP ${status} and ${bytes} bytes`, { status, bytes }),
    ),
  },
];

const headers = modern('basic/transports/streamable-http#server-validation');
const meta = modern('basic#_meta');

/** Checks that the server refuses a request whose header does not match its body. */
const compared = (id: string, stepName: string, requires: string): Check => ({
  id,
  spec: headers,
  severity: 'critical',
  requires,
  remedy: `Compare the header with the body, and refuse a mismatch with HTTP 400 and the error ${HEADER_MISMATCH}: a proxy that routes by the header and the server must see the same request.`,
  judge: refusesWith(stepName, HEADER_MISMATCH),
});

const versionMissing = compared(
  'version_header_required',
  'no version header',
  'A request without the header MCP-Protocol-Version is refused.',
);

/** What each request of the modern era declares in its `_meta`, and repeats in its headers. */
export const requestMetadataChecks: readonly Check[] = [
  {
    id: 'meta_required',
    spec: meta,
    severity: 'critical',
    requires: 'A request without the protocol fields in its _meta is refused.',
    remedy: 'Refuse requests that do not name their protocol version.',
    judge: refuses('no _meta'),
  },
  {
    id: 'client_capabilities_required',
    spec: meta,
    severity: 'critical',
    requires: `A request whose _meta lacks the client's capabilities is refused with ${INVALID_PARAMS}.`,
    remedy: 'Refuse the request, and name the missing field.',
    judge: refusesWith('no client capabilities', INVALID_PARAMS),
  },
  {
    id: 'client_capabilities_status',
    spec: meta,
    severity: 'critical',
    requires: "A request whose _meta lacks the client's capabilities is refused with HTTP 400.",
    remedy: 'Answer 400 with the error.',
    judge: step('no client capabilities', ({ status }, exchanged) =>
      status === 400 || !errorIn(exchanged) ? passed() : failed(`it answered HTTP ${status}`, { status }),
    ),
  },
  compared(
    'version_header_compared',
    'other version in the header',
    'A request whose header MCP-Protocol-Version differs from its _meta is refused.',
  ),
  {
    ...versionMissing,
    judge: ifModernOnly(versionMissing.judge),
  },
  compared(
    'method_header_compared',
    'other method in the header',
    'A request whose header Mcp-Method differs from its method is refused.',
  ),
  compared(
    'method_header_required',
    'no method header',
    'A request without the header Mcp-Method is refused.',
  ),
  compared(
    'name_header_compared',
    'other name in the header',
    'A call whose header Mcp-Name differs from the name in its body is refused.',
  ),
  compared('name_header_required', 'no name header', 'A call without the header Mcp-Name is refused.'),
  {
    id: 'name_header_decoded',
    spec: modern('basic/transports/streamable-http#value-encoding'),
    severity: 'critical',
    requires: 'A Base64 value of the header Mcp-Name is decoded before it is compared.',
    remedy: 'Decode =?base64?…?= first: names with non-ASCII letters are sent in this form.',
    judge: step('encoded name in the header', (_answer, exchanged) =>
      errorIn(exchanged)?.['code'] === HEADER_MISMATCH ? failed('it compared the encoded name') : passed(),
    ),
  },
  {
    id: 'header_mismatch_status',
    spec: headers,
    severity: 'critical',
    requires: `The error ${HEADER_MISMATCH} has the status HTTP 400.`,
    remedy: 'Answer 400 with the error.',
    judge: each(
      ({ steps }) =>
        [...steps].flatMap(([name, exchanged]) =>
          errorIn(exchanged)?.['code'] === HEADER_MISMATCH ? [{ name, value: exchanged }] : [],
        ),
      `nothing was refused with ${HEADER_MISMATCH}`,
      ({ answer }) => (answer?.status === 400 ? undefined : `it came with HTTP ${answer?.status ?? 0}`),
    ),
  },
];
