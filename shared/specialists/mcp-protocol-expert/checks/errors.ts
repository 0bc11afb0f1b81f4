import {
  HEADER_MISMATCH,
  INVALID_PARAMS,
  LEGACY_RESOURCE_NOT_FOUND,
  METHOD_NOT_FOUND,
  MISSING_CLIENT_CAPABILITY,
  PARSE_ERROR,
  UNSUPPORTED_VERSION,
  URL_ELICITATION_REQUIRED,
} from '../../../gateway/protocol/errorCodes.ts';
import { errorIn, resultIn, type Transcript } from '../transcript/transcript.ts';
import {
  answersStatus,
  both,
  type Check,
  each,
  errors,
  failed,
  type Judge,
  type Judgement,
  legacy,
  modern,
  notApplicable,
  passed,
  refuses,
  refusesWith,
  step,
} from './check.ts';

const codes = modern('basic#error-codes');
const defined: readonly unknown[] = [HEADER_MISMATCH, MISSING_CLIENT_CAPABILITY, UNSUPPORTED_VERSION];
const retired: readonly unknown[] = [LEGACY_RESOURCE_NOT_FOUND, URL_ELICITATION_REQUIRED];

const isBetween = (code: unknown, from: number, to: number): boolean =>
  typeof code === 'number' && code >= from && code <= to;

/** Passes where the JSON-RPC error of a step has the code. Does not apply where the step was refused without such an error. */
const errorCode = (name: string, wanted: number): Judge =>
  step(name, (_answer, exchanged) => {
    const code = errorIn(exchanged)?.['code'];
    if (code === undefined) return notApplicable('it was not refused with a JSON-RPC error');
    return code === wanted ? passed() : failed('it answered with another error code', { code });
  });

/** How a server answers requests that it cannot serve. */
export const errorChecks: readonly Check[] = [
  {
    id: 'unknown_method_code',
    spec: both('basic#error-responses'),
    severity: 'critical',
    requires: `A method that the server does not have is refused with ${METHOD_NOT_FOUND}.`,
    remedy: 'Answer unknown methods with this code: clients recognise by it what a server does not support.',
    judge: refusesWith('unknown method', METHOD_NOT_FOUND),
  },
  {
    id: 'unknown_method_status',
    spec: modern('basic/transports/streamable-http#protocol-version-header'),
    severity: 'critical',
    requires: 'A method that the server does not have is refused with HTTP 404.',
    remedy: 'Answer 404 with the error.',
    judge: answersStatus('unknown method', 404),
  },
  {
    id: 'broken_json_refused',
    spec: both('basic#messages'),
    severity: 'critical',
    requires: 'A body that is not JSON is refused.',
    remedy: `Answer HTTP 400, if possible with the error ${PARSE_ERROR}.`,
    judge: refuses('broken JSON'),
  },
  {
    id: 'broken_json_code',
    spec: both('basic#messages'),
    severity: 'warning',
    requires: `A JSON-RPC error for a body that is not JSON has the code ${PARSE_ERROR}.`,
    remedy: 'Use the code that JSON-RPC defines for this.',
    judge: errorCode('broken JSON', PARSE_ERROR),
  },
  {
    id: 'no_message_refused',
    spec: both('basic#messages'),
    severity: 'critical',
    requires: 'JSON that is not a JSON-RPC message is refused.',
    remedy: 'Validate each message before serving it.',
    judge: refuses('no JSON-RPC'),
  },
  {
    id: 'unknown_tool_refused',
    spec: both('server/tools#error-handling'),
    severity: 'critical',
    requires: 'The call of an unknown tool is an error.',
    remedy: `Answer with the error ${INVALID_PARAMS}, or with a result whose isError is true.`,
    judge: step('unknown tool', (_answer, exchanged) => {
      const result = resultIn(exchanged);
      return result && result['isError'] !== true && result['resultType'] !== 'input_required'
        ? failed('it answered as if the tool existed')
        : passed();
    }),
  },
  {
    id: 'unknown_tool_code',
    spec: both('server/tools#error-handling'),
    severity: 'warning',
    requires: `A JSON-RPC error for an unknown tool has the code ${INVALID_PARAMS}.`,
    remedy: 'The name of a tool is a parameter: use the code for wrong parameters.',
    judge: errorCode('unknown tool', INVALID_PARAMS),
  },
  {
    id: 'unknown_prompt_code',
    spec: both('server/prompts#error-handling'),
    severity: 'warning',
    requires: `An unknown prompt is refused with ${INVALID_PARAMS}.`,
    remedy: 'The name of a prompt is a parameter: use the code for wrong parameters.',
    judge: refusesWith('unknown prompt', INVALID_PARAMS),
  },
  {
    id: 'unknown_resource_code',
    spec: both('server/resources#error-handling'),
    severity: 'warning',
    requires: `An unknown resource is refused with ${LEGACY_RESOURCE_NOT_FOUND}, since 2026-07-28 with ${INVALID_PARAMS}.`,
    remedy: 'Use the code of the protocol version of the request.',
    judge(transcript: Transcript): Judgement {
      const { era, steps } = transcript;
      const code = errorIn(steps.get('unknown resource'))?.['code'];
      if (era === 'modern' && retired.includes(code)) return notApplicable('its code is retired');
      const wanted = era === 'modern' ? INVALID_PARAMS : LEGACY_RESOURCE_NOT_FOUND;
      return refusesWith('unknown resource', wanted)(transcript);
    },
  },
  {
    id: 'unknown_log_level_code',
    spec: legacy('server/utilities/logging#error-handling'),
    severity: 'warning',
    requires: `An unknown log level is refused with ${INVALID_PARAMS}.`,
    remedy: 'Check the level against the levels of the protocol.',
    judge: refusesWith('unknown log level', INVALID_PARAMS),
  },
  {
    id: 'reserved_codes_unused',
    spec: codes,
    severity: 'critical',
    requires: 'A server uses only those codes from -32099 to -32020 that MCP defines.',
    remedy: 'Choose your own codes outside the range -32768 to -32000.',
    judge: each(errors, 'there was no error', ({ code }) =>
      isBetween(code, -32099, -32020) && !defined.includes(code) && !retired.includes(code)
        ? `its code is ${String(code)}`
        : undefined,
    ),
  },
  {
    id: 'retired_codes_unused',
    spec: codes,
    severity: 'critical',
    requires: `A server does not use the codes ${LEGACY_RESOURCE_NOT_FOUND} and ${URL_ELICITATION_REQUIRED} of earlier versions.`,
    remedy: `Use ${INVALID_PARAMS} for an unknown resource, and input requests for what a person must do.`,
    judge: each(errors, 'there was no error', ({ code }) =>
      retired.includes(code) ? `its code is ${String(code)}` : undefined,
    ),
  },
  {
    id: 'old_server_codes_unused',
    spec: codes,
    severity: 'warning',
    requires: 'A server does not use codes from -32019 to -32000.',
    remedy: 'Choose your own codes outside the range -32768 to -32000.',
    judge: each(errors, 'there was no error', ({ code }) =>
      isBetween(code, -32019, -32000) && !retired.includes(code) ? `its code is ${String(code)}` : undefined,
    ),
  },
];
