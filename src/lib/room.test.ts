import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Room } from './room.ts';

suite('room', () => {
  test('lets in what fits, and the others in the order of asking', async () => {
    const room = new Room(10);
    const entered: string[] = [];
    const enter = (name: string, size: number) => void room.enter(size).then(() => entered.push(name));
    assert.equal(room.tryEnter(6), true);
    assert.equal(room.tryEnter(5), false);
    enter('large', 9);
    enter('small', 1);
    assert.equal(room.tryEnter(1), false, 'nobody passes those who wait');
    await turn();
    assert.deepEqual(entered, []);
    room.leave(6);
    await turn();
    assert.deepEqual(entered, ['large', 'small']);
  });

  test('what is larger than all of it comes in alone', async () => {
    const room = new Room(10);
    assert.equal(room.tryEnter(25), true);
    assert.equal(room.tryEnter(1), false);
    room.leave(25);
    assert.equal(room.tryEnter(1), true);
    assert.equal(room.tryEnter(25), false);
  });

  test('tells when nobody waits any more', async () => {
    const room = new Room(1);
    assert.equal(room.whenNobodyWaits(), undefined);
    room.tryEnter(1);
    const entered = room.enter(1);
    const drained = room.whenNobodyWaits();
    room.leave(1);
    await Promise.all([entered, drained]);
    assert.equal(room.whenNobodyWaits(), undefined);
  });
});
