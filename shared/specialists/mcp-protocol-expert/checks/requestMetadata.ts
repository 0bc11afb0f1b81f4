import { HEADER_MISMATCH, INVALID_PARAMS } from '../../../gateway/protocol/errorCodes.ts';
import { errorIn } from '../transcript/transcript.ts';
import { type Check, each, failed, passed } from './check.ts';
import { ifModernOnly } from './modernEra.ts';
import { refused, refusedWith, step } from './look.ts';

const headers = { modern: '2026-07-28/basic/transports/streamable-http#server-validation' };
const meta = { modern: '2026-07-28/basic#_meta' };

/** A request whose header does not fit its body, and the check that it is refused for that. */
const compared = (id: string, stepName: string, requires: string): Check => ({
  id,
  spec: headers,
  severity: 'critical',
  requires,
  remedy: `Compare the header with the body and refuse with HTTP 400 and the error ${HEADER_MISMATCH}: what routes by the header must not be told one thing, and the server another.`,
  judge: (transcript) => refusedWith(transcript, stepName, [HEADER_MISMATCH]),
});

const versionMissing = compared(
  'version_header_required',
  'no version header',
  'A request without the header MCP-Protocol-Version is refused.',
);

/** What each request of the modern era says of itself, in its `_meta` and once more in its headers. */
export const requestMetadataChecks: readonly Check[] = [
  {
    id: 'meta_required',
    spec: meta,
    severity: 'critical',
    requires: 'A request without the fields of the protocol in its _meta is refused.',
    remedy: 'Refuse requests that do not say which version they are of.',
    judge: (transcript) => refused(transcript, 'no _meta'),
  },
  {
    id: 'client_capabilities_required',
    spec: meta,
    severity: 'critical',
    requires: `A request whose _meta does not tell the client's capabilities is refused with ${INVALID_PARAMS}.`,
    remedy: 'Refuse the request, and say which field is missing.',
    judge: (transcript) => refusedWith(transcript, 'no client capabilities', [INVALID_PARAMS]),
  },
  {
    id: 'client_capabilities_status',
    spec: meta,
    severity: 'critical',
    requires: 'That refusal has HTTP 400.',
    remedy: 'Answer 400 with the error.',
    judge: (transcript) =>
      step(transcript, 'no client capabilities', ({ status }, exchanged) =>
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
    judge: (transcript) => ifModernOnly(transcript, () => versionMissing.judge(transcript)),
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
    spec: { modern: '2026-07-28/basic/transports/streamable-http#value-encoding' },
    severity: 'critical',
    requires: 'A Base64 value of the header Mcp-Name is decoded before it is compared.',
    remedy: 'Decode =?base64?…?= first: names with other letters than ASCII come that way.',
    judge: (transcript) =>
      step(transcript, 'encoded name in the header', (_answer, exchanged) =>
        errorIn(exchanged)?.['code'] === HEADER_MISMATCH
          ? failed('it took the encoded name for another one')
          : passed(),
      ),
  },
  {
    id: 'header_mismatch_status',
    spec: headers,
    severity: 'critical',
    requires: `The error ${HEADER_MISMATCH} comes with HTTP 400.`,
    remedy: 'Answer 400 with the error.',
    judge: ({ steps }) =>
      each(
        [...steps].flatMap(([name, exchanged]) =>
          errorIn(exchanged)?.['code'] === HEADER_MISMATCH ? [{ name, value: exchanged }] : [],
        ),
        `nothing was refused with ${HEADER_MISMATCH}`,
        ({ answer }) => (answer?.status === 400 ? undefined : `it came with HTTP ${answer?.status ?? 0}`),
      ),
  },
];
