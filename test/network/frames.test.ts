import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FormatError } from '../../src/base/bytes.ts'
import { type FrameKind, FrameParser, headerOf } from '../../src/network/frames.ts'
import { Outbox, type OutboxStream } from '../../src/network/outbox.ts'

const encode = (kind: FrameKind, frame: Uint8Array): Uint8Array => {
  const bytes = Buffer.alloc(4 + frame.length)
  bytes.writeUInt32LE(headerOf(kind, frame.length))
  bytes.set(frame, 4)
  return bytes
}

describe('FrameParser', () => {
  test('finds the same frames however the stream is cut', () => {
    const frame = fc.uint8Array({ maxLength: 300 })
    const kind = fc.constantFrom<FrameKind>('data', 'control')
    fc.assert(
      fc.property(fc.array(fc.tuple(kind, frame)), fc.array(fc.nat(40)), (frames, cuts) => {
        const stream = Buffer.concat(frames.map(([k, f]) => encode(k, f)))
        const out: [FrameKind, Uint8Array][] = []
        const parser = new FrameParser((k, f) => out.push([k, Uint8Array.from(f)]))
        let at = 0
        for (const cut of cuts) {
          parser.push(stream.subarray(at, at + cut))
          at = Math.min(at + cut, stream.length)
        }
        parser.push(stream.subarray(at))
        expect(out).toEqual(frames.map(([k, f]) => [k, Uint8Array.from(f)]))
      }),
    )
  })

  test('never throws anything but FormatError', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), chunks => {
        const parser = new FrameParser(() => {}, 1000)
        try {
          for (const chunk of chunks) parser.push(chunk)
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError)
        }
      }),
    )
  })

  test('refuses a length over the limit before anything is allocated for it', () => {
    const parser = new FrameParser(() => {}, 1000)
    expect(() => parser.push(Uint8Array.of(0xe9, 3, 0, 0))).toThrow(FormatError)
    expect(() => new FrameParser(() => {}).push(Uint8Array.of(255, 255, 255, 127))).toThrow(
      FormatError,
    )
  })
})

class FakeStream implements OutboxStream {
  writeStatus = 'writable'
  writableNeedsDrain = false
  writeBufferLength = 0
  readonly sent: Uint8Array[] = []
  send(bytes: Uint8Array): boolean {
    this.sent.push(bytes)
    return true
  }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('Outbox', () => {
  test('sends all frames of one turn in one write', async () => {
    const stream = new FakeStream()
    const outbox = new Outbox(1000)
    outbox.attach(stream)
    outbox.push('data', Uint8Array.of(1))
    await Promise.resolve()
    outbox.push('control', Uint8Array.of(2, 3))
    await turn()
    expect(stream.sent.map(bytes => [...bytes])).toEqual([[1, 0, 0, 0, 1, 2, 0, 0, 128, 2, 3]])
  })

  test('drops the newest when full, counts it, and takes more after a drain', async () => {
    const stream = new FakeStream()
    stream.writableNeedsDrain = true
    const outbox = new Outbox(20)
    outbox.attach(stream)
    expect(outbox.push('data', new Uint8Array(10))).toBe(true)
    expect(outbox.push('data', new Uint8Array(10))).toBe(false)
    expect(outbox.count.dropped).toBe(1)
    await turn()
    expect(stream.sent).toEqual([])
    stream.writableNeedsDrain = false
    outbox.flush()
    expect(stream.sent.length).toBe(1)
    expect(outbox.push('data', new Uint8Array(10))).toBe(true)
  })

  test('counts what the stream holds against its bound', () => {
    const stream = new FakeStream()
    stream.writeBufferLength = 15
    const outbox = new Outbox(20)
    outbox.attach(stream)
    expect(outbox.push('data', new Uint8Array(4))).toBe(false)
  })

  test('keeps frames while there is no stream, and forgets them when cleared', async () => {
    const outbox = new Outbox(1000)
    outbox.push('data', Uint8Array.of(7))
    await turn()
    const stream = new FakeStream()
    outbox.attach(stream)
    await turn()
    expect(stream.sent.length).toBe(1)
    outbox.push('data', Uint8Array.of(8))
    outbox.clear()
    outbox.attach(stream)
    await turn()
    expect(stream.sent.length).toBe(1)
  })
})
