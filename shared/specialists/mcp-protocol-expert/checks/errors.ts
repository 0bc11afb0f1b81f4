import {
  HEADER_MISMATCH,
  INVALID_PARAMS,
  LEGACY_RESOURCE_NOT_FOUND,
  METHOD_NOT_FOUND,
  MISSING_CLIENT_CAPABILITY,
  PARSE_ERROR,
  UNSUPPORTED_VERSION,
} from '../../../gateway/protocol/errorCodes.ts';
import { errorIn, resultIn, type Transcript } from '../transcript/transcript.ts';
import { type Check, type Judgement, each, failed, notApplicable, passed } from './check.ts';
import { errors, refused, refusedWith, statusOf, step } from './look.ts';

const both = (path: string) => ({ legacy: `2025-11-25/${path}`, modern: `2026-07-28/${path}` });
const codes = { modern: '2026-07-28/basic#error-codes' };
const defined: readonly unknown[] = [HEADER_MISMATCH, MISSING_CLIENT_CAPABILITY, UNSUPPORTED_VERSION];
const URL_ELICITATION_REQUIRED = -32042;
const retired: readonly unknown[] = [LEGACY_RESOURCE_NOT_FOUND, URL_ELICITATION_REQUIRED];

const isBetween = (code: unknown, from: number, to: number): boolean =>
  typeof code === 'number' && code >= from && code <= to;

/** What a server answers to what it cannot do. */
export const errorChecks: readonly Check[] = [
  {
    id: 'unknown_method_code',
    spec: both('basic#error-responses'),
    severity: 'critical',
    requires: `A method that the server does not have is refused with ${METHOD_NOT_FOUND}.`,
    remedy: 'Answer unknown methods with this code: clients tell by it what a server cannot do.',
    judge: (transcript) => refusedWith(transcript, 'unknown method', [METHOD_NOT_FOUND]),
  },
  {
    id: 'unknown_method_status',
    spec: { modern: '2026-07-28/basic/transports/streamable-http#protocol-version-header' },
    severity: 'critical',
    requires: 'A method that the server does not have is refused with HTTP 404.',
    remedy: 'Answer 404 with the error.',
    judge: (transcript) => statusOf(transcript, 'unknown method', 404),
  },
  {
    id: 'broken_json_refused',
    spec: both('basic#messages'),
    severity: 'critical',
    requires: 'A body that is not JSON is refused.',
    remedy: `Answer HTTP 400, best with the error ${PARSE_ERROR}.`,
    judge: (transcript) => refused(transcript, 'broken JSON'),
  },
  {
    id: 'broken_json_code',
    spec: both('basic#messages'),
    severity: 'warning',
    requires: `A body that is not JSON is refused with ${PARSE_ERROR}, where it is with a JSON-RPC error.`,
    remedy: 'Use the code that JSON-RPC has for this.',
    judge: (transcript) =>
      step(transcript, 'broken JSON', (_answer, exchanged) => {
        const code = errorIn(exchanged)?.['code'];
        if (code === undefined) return notApplicable('it was refused without a JSON-RPC error');
        return code === PARSE_ERROR ? passed() : failed('it answered with another error code', { code });
      }),
  },
  {
    id: 'no_message_refused',
    spec: both('basic#messages'),
    severity: 'critical',
    requires: 'JSON that is no JSON-RPC message is refused.',
    remedy: 'Check each message before it is served.',
    judge: (transcript) => refused(transcript, 'no JSON-RPC'),
  },
  {
    id: 'unknown_tool_refused',
    spec: both('server/tools#error-handling'),
    severity: 'critical',
    requires: 'A call of a tool that is not there is an error.',
    remedy: `Answer with the error ${INVALID_PARAMS}, or with a result that says isError.`,
    judge: (transcript) =>
      step(transcript, 'unknown tool', (_answer, exchanged) => {
        const result = resultIn(exchanged);
        return result && result['isError'] !== true && result['resultType'] !== 'input_required'
          ? failed('it answered as if the tool were there')
          : passed();
      }),
  },
  {
    id: 'unknown_tool_code',
    spec: both('server/tools#error-handling'),
    severity: 'warning',
    requires: `A call of a tool that is not there is refused with ${INVALID_PARAMS}, where it is with a JSON-RPC error.`,
    remedy: 'The name of a tool is a parameter: use the code for wrong parameters.',
    judge: (transcript) =>
      step(transcript, 'unknown tool', (_answer, exchanged) =>
        errorIn(exchanged)
          ? refusedWith(transcript, 'unknown tool', [INVALID_PARAMS])
          : notApplicable('it was not refused with a JSON-RPC error'),
      ),
  },
  {
    id: 'unknown_prompt_code',
    spec: both('server/prompts#error-handling'),
    severity: 'warning',
    requires: `A prompt that is not there is refused with ${INVALID_PARAMS}.`,
    remedy: 'The name of a prompt is a parameter: use the code for wrong parameters.',
    judge: (transcript) => refusedWith(transcript, 'unknown prompt', [INVALID_PARAMS]),
  },
  {
    id: 'unknown_resource_code',
    spec: both('server/resources#error-handling'),
    severity: 'warning',
    requires: `A resource that is not there is refused with ${LEGACY_RESOURCE_NOT_FOUND}, since 2026-07-28 with ${INVALID_PARAMS}.`,
    remedy: 'Use the code of the version that is spoken.',
    judge: (transcript: Transcript): Judgement => {
      const { era, steps } = transcript;
      const code = errorIn(steps.get('unknown resource'))?.['code'];
      if (era === 'modern' && retired.includes(code)) return notApplicable('its code is a retired one');
      const wanted = era === 'modern' ? INVALID_PARAMS : LEGACY_RESOURCE_NOT_FOUND;
      return refusedWith(transcript, 'unknown resource', [wanted]);
    },
  },
  {
    id: 'unknown_log_level_code',
    spec: { legacy: '2025-11-25/server/utilities/logging#error-handling' },
    severity: 'warning',
    requires: `A log level that there is not is refused with ${INVALID_PARAMS}.`,
    remedy: 'Compare the level with those of the protocol.',
    judge: (transcript) => refusedWith(transcript, 'unknown log level', [INVALID_PARAMS]),
  },
  {
    id: 'reserved_codes_unused',
    spec: codes,
    severity: 'critical',
    requires: 'Of the codes from -32099 to -32020, only those that MCP defines are used.',
    remedy: 'Take own codes from outside of -32768 to -32000.',
    judge: (transcript) =>
      each(errors(transcript), 'there was no error', ({ code }) =>
        isBetween(code, -32099, -32020) && !defined.includes(code) && !retired.includes(code)
          ? `its code is ${String(code)}`
          : undefined,
      ),
  },
  {
    id: 'retired_codes_unused',
    spec: codes,
    severity: 'critical',
    requires: `The codes ${LEGACY_RESOURCE_NOT_FOUND} and ${URL_ELICITATION_REQUIRED} of earlier versions are not used.`,
    remedy: `Use ${INVALID_PARAMS} for a resource that is not there, and input requests for what a person has to do.`,
    judge: (transcript) =>
      each(errors(transcript), 'there was no error', ({ code }) =>
        retired.includes(code) ? `its code is ${String(code)}` : undefined,
      ),
  },
  {
    id: 'old_server_codes_unused',
    spec: codes,
    severity: 'warning',
    requires: 'Codes from -32019 to -32000 are not used.',
    remedy: 'Take own codes from outside of -32768 to -32000.',
    judge: (transcript) =>
      each(errors(transcript), 'there was no error', ({ code }) =>
        isBetween(code, -32019, -32000) && !retired.includes(code)
          ? `its code is ${String(code)}`
          : undefined,
      ),
  },
];
