import { META, metaOf } from '../../../gateway/protocol/envelope.ts';
import { METHOD_NOT_FOUND } from '../../../gateway/protocol/errorCodes.ts';
import { isObject } from '../../../gateway/protocol/jsonRpc.ts';
import { errorIn, listKinds, listMethods, resultIn, type Transcript } from '../transcript/transcript.ts';
import {
  both,
  type Check,
  each,
  failed,
  isAbsentOr,
  isBoolean,
  type Judge,
  type Judgement,
  legacy,
  modern,
  notApplicable,
  passed,
  step,
} from './check.ts';
import { isMetaKey } from './metadata.ts';

const negotiation = {
  ...legacy('basic/lifecycle#capability-negotiation'),
  ...modern('server/discover#discoverresult'),
};

/** Fails where the server does not know the method of a step. */
const isKnown = (name: string, method: string): Judge =>
  step(name, (_answer, exchanged) =>
    errorIn(exchanged)?.['code'] === METHOD_NOT_FOUND ? failed(`it does not know ${method}`) : passed(),
  );

/** The capabilities that a server declares, and whether it has them. */
export const capabilityChecks: readonly Check[] = [
  {
    id: 'capabilities_told',
    spec: negotiation,
    severity: 'critical',
    requires: 'The first answer holds the capabilities, as an object.',
    remedy: 'Answer with capabilities, with a field for each feature that the server has.',
    judge: ({ opening }: Transcript): Judgement => {
      const result = resultIn(opening);
      if (!result) return notApplicable('the first request was not answered');
      return isObject(result['capabilities']) ? passed() : failed('it declares none');
    },
  },
  {
    id: 'capability_is_object',
    spec: negotiation,
    severity: 'critical',
    requires: 'Each capability is an object.',
    remedy: 'Write {} for a capability without details, not true.',
    judge: each(
      ({ capabilities }) => Object.entries(capabilities).map(([name, value]) => ({ name, value })),
      'it declares no capability',
      (value) => (isObject(value) ? undefined : 'it is not an object'),
    ),
  },
  {
    id: 'capability_flags_are_boolean',
    spec: negotiation,
    severity: 'critical',
    requires: 'listChanged and subscribe are true or false.',
    remedy: 'Write true or false, or leave the flag out.',
    judge: each(
      ({ capabilities }) =>
        ['tools', 'prompts', 'resources'].flatMap((name) => {
          const value = capabilities[name];
          return isObject(value) ? [{ name, value }] : [];
        }),
      'it has no capability with flags',
      ({ listChanged, subscribe }) =>
        [listChanged, subscribe].every(isAbsentOr(isBoolean)) ? undefined : 'a flag is neither',
    ),
  },
  {
    id: 'declared_lists_answered',
    spec: { ...legacy('basic/lifecycle#operation'), ...modern('server/tools#capabilities') },
    severity: 'critical',
    requires: 'The server answers the list of each capability that it declares.',
    remedy: 'Answer with the list, even if it is empty, or do not declare the capability.',
    judge: each(
      ({ capabilities, lists }) =>
        listKinds.flatMap((kind) => {
          const { capability, method } = listMethods[kind];
          const [first] = lists[kind].pages;
          return capability in capabilities && kind !== 'resourceTemplates' && first?.answer
            ? [{ name: method, value: first }]
            : [];
        }),
      'it declares none that has a list',
      (first) => (resultIn(first) ? undefined : 'it came to no result'),
    ),
  },
  {
    id: 'offers_are_declared',
    spec: both('server/tools#capabilities'),
    severity: 'critical',
    requires: 'The server declares what it offers: tools, prompts and resources each have a capability.',
    remedy: 'Declare the capability: clients do not ask for lists that are not declared.',
    judge: each(
      ({ profile }) =>
        isObject(profile['capabilities'])
          ? listKinds.map((kind) => ({ name: listMethods[kind].method, value: kind }))
          : [],
      'it declares no capabilities',
      (kind, { capabilities, lists }) =>
        listMethods[kind].capability in capabilities || lists[kind].items.length === 0
          ? undefined
          : `it offers ${lists[kind].items.length}, and does not declare the capability`,
    ),
  },
  {
    id: 'logging_served',
    spec: legacy('server/utilities/logging#setting-log-level'),
    severity: 'critical',
    requires: 'A server that declares logging accepts a log level.',
    remedy: 'Answer logging/setLevel with {}, or do not declare logging.',
    judge: step('log level', ({ status }, exchanged) =>
      resultIn(exchanged) ? passed() : failed('logging/setLevel came to no result', { status }),
    ),
  },
  {
    id: 'completions_served',
    spec: { ...legacy('server/utilities/completion#capabilities'), ...modern('server/utilities/completion') },
    severity: 'critical',
    requires: 'A server that declares completions has the method for it.',
    remedy: 'Implement completion/complete, or do not declare completions.',
    judge: isKnown('completion', 'completion/complete'),
  },
  {
    id: 'subscriptions_served',
    spec: legacy('server/resources#subscriptions'),
    severity: 'critical',
    requires: 'A server that declares resources.subscribe has the method for it.',
    remedy: 'Implement resources/subscribe, or do not declare it.',
    judge: isKnown('subscribe', 'resources/subscribe'),
  },
  {
    id: 'extension_names',
    spec: modern('basic/versioning#extension-negotiation'),
    severity: 'critical',
    requires: 'The name of an extension has a prefix, and is a valid _meta key.',
    remedy: 'Name the extension as com.example/name.',
    judge: each(
      ({ capabilities: { extensions } }) =>
        Object.keys(isObject(extensions) ? extensions : {}).map((name) => ({ name, value: name })),
      'it declares no extensions',
      (name) =>
        name.includes('/') && isMetaKey(name) ? undefined : 'it has no prefix, or is not a valid key',
    ),
  },
  {
    id: 'listening_acknowledged',
    spec: modern('basic/patterns/subscriptions#acknowledgment'),
    severity: 'critical',
    requires: 'The first message on a subscription stream is notifications/subscriptions/acknowledged.',
    remedy: 'Send first which of the requested notifications the server will send.',
    judge: step('listen', ({ status, messages: [first] }) =>
      isObject(first) && first['method'] === 'notifications/subscriptions/acknowledged'
        ? passed()
        : failed('the first message is another one', { status }),
    ),
  },
  {
    id: 'listening_is_tagged',
    spec: modern('basic/patterns/subscriptions#receiving-notifications'),
    severity: 'critical',
    requires: 'Each message on a subscription stream names the id of the request that opened the stream.',
    remedy: `Put the unchanged id into the _meta as ${META.subscriptionId}.`,
    judge: step('listen', ({ messages: [first] }, { sent }) => {
      if (!isObject(first) || !('method' in first)) return notApplicable('no notification came');
      const params = isObject(first['params']) ? first['params'] : {};
      return metaOf(params)[META.subscriptionId] === sent.id
        ? passed()
        : failed('its _meta does not name that id');
    }),
  },
];
