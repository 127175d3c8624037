import { Type } from '@sinclair/typebox';
import type { ComponentState } from '../component/component.ts';
import { type ApiRoute, defineRoute } from './route.ts';

const showAlive = defineRoute({
  method: 'GET',
  path: '/healthz',
  tag: 'operation',
  summary: 'Answers while the process lives.',
  answer: Type.Object({ status: Type.Literal('alive') }),
  handle: () => ({ body: { status: 'alive' } }),
});

const STATES: readonly ComponentState[] = ['failed', 'starting', 'stopped', 'degraded', 'ok'];
const STATE_SCHEMA = Type.Union(STATES.map((state) => Type.Literal(state)));

const showReady = defineRoute({
  method: 'GET',
  path: '/readyz',
  tag: 'operation',
  summary: 'States of all parts with reasons; 503 while one is starting, stopped or failed.',
  answer: Type.Object({
    state: STATE_SCHEMA,
    components: Type.Array(
      Type.Object({ name: Type.String(), state: STATE_SCHEMA, reason: Type.Optional(Type.String()) }),
    ),
  }),
  handle: ({ statuses }) => {
    const components = statuses().map(({ name, status }) => ({ name, ...status }));
    const state = worst(components.map((component) => component.state));
    return { status: state === 'ok' || state === 'degraded' ? 200 : 503, body: { state, components } };
  },
});

function worst(states: readonly ComponentState[]): ComponentState {
  return STATES.find((state) => states.includes(state)) ?? 'ok';
}

/** What load balancers and orchestrators ask. */
export const HEALTH_ROUTES: readonly ApiRoute[] = [showAlive, showReady];
