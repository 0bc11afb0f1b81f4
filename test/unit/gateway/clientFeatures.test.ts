import { expect, test } from 'vitest';
import { canAnswer, carriedFeatures } from '../../../shared/gateway/protocol/clientFeatures.ts';

const able = { elicitation: {}, sampling: {}, roots: {} };

test.each([
  { during: 'tools/call', can: true },
  { during: 'prompts/get', can: true },
  { during: 'resources/read', can: true },
  { during: 'completion/complete', can: false },
  { during: 'tools/list', can: false },
  { during: 'acme/x', can: false },
])('during $during a client can be asked: $can', ({ during, can }) => {
  for (const method of ['elicitation/create', 'sampling/createMessage', 'roots/list']) {
    expect(canAnswer(able, method, during)).toBe(can);
  }
});

test('a client is asked nothing that it did not declare, and nothing that nobody defined', () => {
  expect(canAnswer({ sampling: {} }, 'elicitation/create', 'tools/call')).toBe(false);
  for (const method of ['ping', 'acme/ask', 'constructor']) {
    expect(canAnswer(able, method, 'tools/call')).toBe(false);
  }
});

test('of what a client declares only that which can be carried is kept', () => {
  const declared = { ...able, tasks: {}, experimental: {}, extensions: { 'acme/x': {} } };
  expect(carriedFeatures(declared)).toEqual({ ...able, extensions: { 'acme/x': {} } });
});
