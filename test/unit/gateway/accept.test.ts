import { expect, test } from 'vitest';
import { acceptedForm } from '../../../shared/gateway/protocol/accept.ts';

test.each<[string | null, string, string]>([
  [null, 'any', 'curl with an empty header'],
  ['', 'any', 'nothing that can be read'],
  ['application/json, text/event-stream', 'any', 'the SDKs'],
  ['text/event-stream,application/json', 'any', 'the other order'],
  ['*/*', 'any', 'curl, and many HTTP libraries'],
  ['application/json, */*', 'any', 'axios lists JSON first'],
  ['text/html', 'any', 'neither: an answer is better than none'],
  ['application/json', 'json', 'JSON alone'],
  ['Application/JSON; charset=utf-8', 'json', 'spelling and parameters'],
  ['application/*', 'json', 'a range without streams'],
  ['application/json, text/event-stream;q=0', 'json', 'streams are excluded'],
  ['text/event-stream', 'events', 'streams alone'],
  ['text/event-stream; q=0.9, text/plain', 'events', 'streams beside another text'],
  ['application/json;q=0.0, text/event-stream', 'events', 'JSON is excluded'],
  ['application/json;q=0.1, text/event-stream', 'any', 'a preference is no refusal'],
])('%j accepts %s: %s', (accept, form, why) => {
  expect(acceptedForm(accept), why).toBe(form);
});
