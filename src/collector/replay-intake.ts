import type { Intake, MessageOutcome, RawMessage } from '../notification/intake.ts';

/**
 * An intake for parked messages that are replayed: those of the collector (by `origin.source`) go back to it, for they
 * are no notifications of services; all others go to `fallback`. Otherwise as every intake.
 */
export function createReplayIntake(fallback: Intake, bySource: ReadonlyMap<string, Intake>): Intake {
  return {
    take: async (messages, signal) => {
      const outcomes: MessageOutcome[] = [];
      for (const run of runsOf(messages, (message) => bySource.get(message.origin.source) ?? fallback)) {
        outcomes.push(...(await run.intake.take(run.messages, signal)));
      }
      return outcomes;
    },
  };
}

interface Run {
  readonly intake: Intake;
  readonly messages: RawMessage[];
}

/** Neighbours for the same intake stay one batch. */
function runsOf(messages: readonly RawMessage[], intakeOf: (message: RawMessage) => Intake): readonly Run[] {
  const runs: Run[] = [];
  for (const message of messages) {
    const intake = intakeOf(message);
    const last = runs.at(-1);
    if (last?.intake === intake) last.messages.push(message);
    else runs.push({ intake, messages: [message] });
  }
  return runs;
}
