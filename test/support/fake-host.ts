import type { FileSystemSpace, HostView } from '../../src/polling/host-view.ts';
import type { PollContext } from '../../src/polling/pollsters/pollster.ts';

/** What a fake machine shows; files and directories by path, everything else is missing. */
export interface FakeMachine {
  files: Record<string, string>;
  directories?: Record<string, readonly string[]>;
  spaces?: Record<string, FileSystemSpace>;
  addresses?: Record<string, string>;
}

/** A view of a machine that is made of texts; changes to `machine` show at the next look. */
export function fakeView(machine: FakeMachine): HostView {
  return {
    read: async (path) => machine.files[path] ?? null,
    list: async (path) => machine.directories?.[path] ?? [],
    space: async (path) => machine.spaces?.[path] ?? null,
    addresses: () => new Map(Object.entries(machine.addresses ?? {})),
  };
}

/** A run on the node `node1` on 2026-01-02 at 03:04:05; `wait` calls `onWait` and is over at once. */
export function pollContext(onWait: (millis: number) => void = () => {}): PollContext {
  return {
    host: 'node1',
    timestamp: '2026-01-02T03:04:05',
    timestampMicros: Date.UTC(2026, 0, 2, 3, 4, 5) * 1_000,
    monotonicSeconds: 12.5,
    signal: new AbortController().signal,
    wait: async (millis) => onWait(millis),
  };
}
