import { METHOD_NOT_FOUND } from '../../../gateway/protocol/errorCodes.ts';
import { isObject } from '../../../gateway/protocol/jsonRpc.ts';
import { META, metaOf } from '../../../gateway/protocol/versions.ts';
import { errorIn, listKinds, listMethods, resultIn, type Transcript } from '../transcript/transcript.ts';
import { type Check, type Judgement, each, failed, notApplicable, passed } from './check.ts';
import { isAbsentOr, step } from './look.ts';
import { isMetaKey } from './metaKeys.ts';

const negotiation = {
  legacy: '2025-11-25/basic/lifecycle#capability-negotiation',
  modern: '2026-07-28/server/discover#discoverresult',
};
const listening = { modern: '2026-07-28/basic/patterns/subscriptions#acknowledgment' };

/** What a server says that it can do, and whether it does. */
export const capabilityChecks: readonly Check[] = [
  {
    id: 'capabilities_told',
    spec: negotiation,
    severity: 'critical',
    requires: 'The first answer tells the capabilities, as an object.',
    remedy: 'Answer with capabilities, with a field for each feature that the server has.',
    judge: ({ opening }: Transcript): Judgement => {
      const result = resultIn(opening);
      if (!result) return notApplicable('the first request was not answered');
      return isObject(result['capabilities']) ? passed() : failed('it tells none');
    },
  },
  {
    id: 'capability_is_object',
    spec: negotiation,
    severity: 'critical',
    requires: 'Each capability is an object.',
    remedy: 'Write {} for a capability without details, not true.',
    judge: ({ capabilities }) =>
      each(
        Object.entries(capabilities).map(([name, value]) => ({ name, value })),
        'it tells no capability',
        (value) => (isObject(value) ? undefined : 'it is no object'),
      ),
  },
  {
    id: 'capability_flags_are_boolean',
    spec: negotiation,
    severity: 'critical',
    requires: 'listChanged and subscribe are true or false.',
    remedy: 'Write true or false, or leave the flag out.',
    judge: ({ capabilities }) =>
      each(
        ['tools', 'prompts', 'resources'].flatMap((name) => {
          const value = capabilities[name];
          return isObject(value) ? [{ name, value }] : [];
        }),
        'it has no capability with flags',
        ({ listChanged, subscribe }) =>
          [listChanged, subscribe].every(isAbsentOr((flag) => typeof flag === 'boolean'))
            ? undefined
            : 'a flag is neither',
      ),
  },
  {
    id: 'declared_lists_answered',
    spec: { legacy: '2025-11-25/basic/lifecycle#operation', modern: '2026-07-28/server/tools#capabilities' },
    severity: 'critical',
    requires: 'The list of each capability that is declared is answered.',
    remedy: 'Answer the list, if need be with an empty one, or do not declare the capability.',
    judge: ({ capabilities, lists }) =>
      each(
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
    spec: { legacy: '2025-11-25/server/tools#capabilities', modern: '2026-07-28/server/tools#capabilities' },
    severity: 'critical',
    requires: 'What is offered is declared: tools, prompts and resources each by its capability.',
    remedy: 'Declare the capability: clients do not ask for lists that are not declared.',
    judge: ({ profile, capabilities, lists }) =>
      each(
        isObject(profile['capabilities'])
          ? listKinds.map((kind) => ({ name: listMethods[kind].method, value: kind }))
          : [],
        'it tells no capabilities',
        (kind) =>
          listMethods[kind].capability in capabilities || lists[kind].items.length === 0
            ? undefined
            : `it offers ${lists[kind].items.length}, and declares none`,
      ),
  },
  {
    id: 'logging_served',
    spec: { legacy: '2025-11-25/server/utilities/logging#setting-log-level' },
    severity: 'critical',
    requires: 'A server that declares logging takes a log level.',
    remedy: 'Answer logging/setLevel with {}, or do not declare logging.',
    judge: (transcript) =>
      step(transcript, 'log level', ({ status }, exchanged) =>
        resultIn(exchanged) ? passed() : failed('logging/setLevel came to no result', { status }),
      ),
  },
  {
    id: 'completions_served',
    spec: {
      legacy: '2025-11-25/server/utilities/completion#capabilities',
      modern: '2026-07-28/server/utilities/completion',
    },
    severity: 'critical',
    requires: 'A server that declares completions has the method for it.',
    remedy: 'Implement completion/complete, or do not declare completions.',
    judge: (transcript) =>
      step(transcript, 'completion', (_answer, exchanged) =>
        errorIn(exchanged)?.['code'] === METHOD_NOT_FOUND
          ? failed('it does not know completion/complete')
          : passed(),
      ),
  },
  {
    id: 'subscriptions_served',
    spec: { legacy: '2025-11-25/server/resources#subscriptions' },
    severity: 'critical',
    requires: 'A server that declares resources.subscribe has the method for it.',
    remedy: 'Implement resources/subscribe, or do not declare it.',
    judge: (transcript) =>
      step(transcript, 'subscribe', (_answer, exchanged) =>
        errorIn(exchanged)?.['code'] === METHOD_NOT_FOUND
          ? failed('it does not know resources/subscribe')
          : passed(),
      ),
  },
  {
    id: 'extension_names',
    spec: { modern: '2026-07-28/basic/versioning#extension-negotiation' },
    severity: 'critical',
    requires: 'The name of an extension has a prefix, and the form of a _meta key.',
    remedy: 'Name the extension as com.example/name.',
    judge: ({ capabilities: { extensions } }) =>
      each(
        Object.keys(isObject(extensions) ? extensions : {}).map((name) => ({ name, value: name })),
        'it declares no extensions',
        (name) => (name.includes('/') && isMetaKey(name) ? undefined : 'it has no prefix, or another form'),
      ),
  },
  {
    id: 'listening_acknowledged',
    spec: listening,
    severity: 'critical',
    requires: 'The first message to whoever listens is notifications/subscriptions/acknowledged.',
    remedy: 'Say first which of the notifications asked for the server will send.',
    judge: (transcript) =>
      step(transcript, 'listen', ({ status, messages: [first] }) =>
        isObject(first) && first['method'] === 'notifications/subscriptions/acknowledged'
          ? passed()
          : failed('the first message is another one', { status }),
      ),
  },
  {
    id: 'listening_is_tagged',
    spec: { modern: '2026-07-28/basic/patterns/subscriptions#receiving-notifications' },
    severity: 'critical',
    requires: 'What is sent to whoever listens names the id of the request that opened the stream.',
    remedy: `Put the id, as it was sent, into the _meta as ${META.subscriptionId}.`,
    judge: (transcript) =>
      step(transcript, 'listen', ({ messages: [first] }, { sent }) => {
        if (!isObject(first) || !('method' in first)) return notApplicable('no notification came');
        const params = isObject(first['params']) ? first['params'] : {};
        return metaOf(params)[META.subscriptionId] === sent.id
          ? passed()
          : failed('its _meta does not name that id');
      }),
  },
];
