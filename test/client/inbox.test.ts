/** What is held for a reader is bounded in number (watch.test.ts) and in size. */
import { expect, test } from 'vitest'
import { Inbox } from '../../src/client/inbox.ts'
import type { Socket } from '../../src/client/socket.ts'

const text = JSON.stringify({ value: 'v'.repeat(1024 * 1024) })

function socket(): Socket & { isPaused: boolean } {
  return {
    isPaused: false,
    send: () => {},
    close: () => {},
    pause() {
      this.isPaused = true
    },
    resume() {
      this.isPaused = false
    },
  }
}

test('a few large messages stop the reading, and it goes on when all of them are taken', () => {
  const [inbox, held] = [new Inbox(), socket()]
  for (let i = 0; i < 9; i++) inbox.put(text, held)
  expect(held.isPaused).toBe(true)
  for (let turn = 0; turn < 3; turn++) {
    for (const message of inbox.take(held)) expect(message['value']).toHaveLength(1024 * 1024)
    expect(held.isPaused).toBe(false)
    for (let i = 0; i < 7; i++) inbox.put(text, held)
    expect(held.isPaused).toBe(false)
  }
})

test('where the reading cannot be stopped, they end the connection', () => {
  const inbox = new Inbox()
  const { pause: _, ...plain } = socket()
  for (let i = 0; i < 64; i++) inbox.put(text, plain)
  expect(inbox.ended).toBe('the reader is too slow')
})
