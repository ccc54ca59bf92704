import { describe, expect, test } from 'vitest'
import { ParkedReplay } from '../../../../src/embedded/eventstore/groups/parked-replay.ts'

function replaying(from: number, end: number): ParkedReplay {
  const replay = new ParkedReplay()
  replay.extend(from, end)
  return replay
}

describe('a replay of parked messages', () => {
  test('hands out each once and is done when all are answered', () => {
    const replay = replaying(2, 4)
    for (const revision of [2, 3]) {
      expect(replay.isWaiting).toBe(true)
      expect(replay.next).toBe(revision)
      replay.handedOut(revision)
    }
    expect([replay.isWaiting, replay.isDone]).toEqual([false, false])
    replay.answered(3)
    expect(replay.firstUnanswered).toBe(2)
    replay.answered(2)
    expect([replay.isDone, replay.firstUnanswered]).toEqual([true, 4])
  })

  test('that is asked for again while it runs hands out nothing twice', () => {
    const replay = replaying(0, 2)
    replay.handedOut(0)
    replay.extend(0, 3)
    expect([replay.next, replay.room(10)]).toEqual([1, 2])
    replay.handedOut(1)
    replay.handedOut(2)
    replay.extend(0, 3)
    expect(replay.isWaiting).toBe(false)
  })

  test('that is asked for later goes on with what was parked since', () => {
    const replay = replaying(0, 2)
    for (const revision of [0, 1]) replay.handedOut(revision)
    replay.extend(5, 7)
    expect([replay.next, replay.room(10)]).toEqual([5, 2])
    expect(replay.firstUnanswered).toBe(0)
  })

  test('is over when there is nothing left to read', () => {
    const replay = replaying(0, 9)
    replay.skipToEnd()
    expect([replay.isWaiting, replay.isDone]).toEqual([false, true])
  })
})
