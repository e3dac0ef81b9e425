/** The proxy of the nemesis does what it says it does, and counts it: what harms nothing would show nothing. */
import { EventEmitter, once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

// Plain JavaScript without declarations, as all scripts are.
const { Pipe } = await import('../../scripts/nemesis/pipe.mjs' as string)
const { Proxies } = await import('../../scripts/nemesis/proxy.mjs' as string)

describe('one direction', () => {
  class Sender extends EventEmitter {
    paused = false
    pause() {
      this.paused = true
    }
    resume() {
      this.paused = false
    }
  }
  class Receiver extends EventEmitter {
    got = ''
    ended = false
    writable = true
    writableNeedDrain = false
    write(bytes: Buffer) {
      this.got += bytes.toString('latin1')
    }
    end() {
      this.ended = true
    }
  }
  let fault: object | undefined
  let draws: number[]
  let counts: Map<string, number>
  let resets: number
  let from: Sender
  let to: Receiver
  let pipe: { changed(): void; stop(): void }

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    fault = undefined
    draws = []
    counts = new Map()
    resets = 0
    from = new Sender()
    to = new Receiver()
    pipe = new Pipe(from, to, {
      fault: () => fault,
      random: () => draws.shift() ?? 0,
      count: (kind: string, n: number) => counts.set(kind, (counts.get(kind) ?? 0) + n),
      reset: () => resets++,
    })
  })
  afterEach(() => vi.useRealTimers())

  const send = (text: string) => from.emit('data', Buffer.from(text, 'latin1'))
  const turn = (to?: object) => {
    fault = to
    pipe.changed()
  }

  test('without a fault all passes at once, and the end behind it', () => {
    send('one ')
    send('two')
    from.emit('end')
    expect([to.got, to.ended, counts.get('bytes')]).toEqual(['one two', true, 7])
  })

  test('late, and in order: what comes later overtakes nothing, healed or not', () => {
    turn({ kind: 'delay', fromMs: 10, toMs: 500 })
    draws = [1, 0]
    send('a')
    send('b')
    turn()
    send('c')
    from.emit('end')
    vi.advanceTimersByTime(499)
    expect(to.got).toBe('')
    vi.advanceTimersByTime(1)
    expect([to.got, to.ended, counts.get('delay')]).toEqual(['abc', true, 2])
  })

  test('narrow: a second takes what it is told, and the sender is not read meanwhile', () => {
    turn({ kind: 'throttle', bytesPerSecond: 8000 })
    send('x'.repeat(400_000))
    expect([to.got.length, from.paused]).toEqual([800, true])
    vi.advanceTimersByTime(1000)
    expect([to.got.length, counts.get('throttle')]).toEqual([8800, 8800])
    turn()
    vi.advanceTimersByTime(100)
    expect([to.got.length, from.paused]).toEqual([400_000, false])
  })

  test('one byte of a chunk is another one, whatever is drawn', () => {
    turn({ kind: 'corrupt', share: 0.1 })
    draws = [0.1, 0.09, 0.5, 0]
    send('good')
    send('evil')
    expect([to.got, counts.get('corrupt')]).toEqual(['goodevhl', 1])
  })

  test('swallowed: no byte, no end, also when it is healed', () => {
    turn({ kind: 'swallow' })
    send('gone')
    turn()
    send('too')
    from.emit('end')
    from.emit('error', new Error('reset'))
    expect([to.got, to.ended, resets, counts.get('swallow')]).toEqual(['', false, 0, 7])
  })

  test('held: no byte, no end, until it is healed', () => {
    turn({ kind: 'hold' })
    send('x'.repeat(300_000))
    from.emit('end')
    expect([to.got, to.ended, from.paused]).toEqual(['', false, true])
    turn()
    expect([to.got.length, to.ended, from.paused]).toEqual([300_000, true, false])
  })

  test('reset: what there is at once, what is new within so many bytes', () => {
    turn({ kind: 'reset', bytes: 10 })
    expect(resets).toBe(1)
    draws = [0.5]
    send('12345')
    expect([to.got, resets]).toEqual(['12345', 1])
    send('6')
    expect([to.got, resets, counts.get('reset')]).toEqual(['12345', 2, 2])
  })

  test('cut: a part, and an end of one kind or the other', () => {
    turn({ kind: 'cut', share: 0.5 })
    draws = [0.5, 0.4, 0.5, 0.5]
    send('all;')
    send('half')
    expect([to.got, to.ended, resets]).toEqual(['all;ha', false, 1])
    draws = [0.4, 0, 0.4]
    send('none')
    expect([to.got, to.ended, counts.get('cut')]).toEqual(['all;ha', true, 2])
  })

  test('a receiver that is full is waited for', () => {
    to.writableNeedDrain = true
    send('later')
    expect(to.got).toBe('')
    to.writableNeedDrain = false
    to.emit('drain')
    expect(to.got).toBe('later')
  })
})

describe('doors', () => {
  let server: Server
  let proxy: InstanceType<typeof Proxies>
  let port: number
  /** The far ends, in the order of their coming; each sends back what it gets. */
  let far: Socket[]

  beforeEach(async () => {
    far = []
    server = createServer({ allowHalfOpen: true }, socket => {
      far.push(socket.on('error', () => {}))
      socket.pipe(socket)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
    proxy = new Proxies({ random: () => 0 })
    port = await proxy.open({ name: 'b', target, host: '127.0.0.1', nameOf: () => 'a' })
  })
  afterEach(() => {
    proxy.close()
    for (const socket of far) socket.destroy()
    server.close()
  })

  /** Through the door and back. */
  async function dial() {
    const socket = connect(port, '127.0.0.1')
    await echo(socket, 'hello')
    return socket
  }

  async function echo(socket: Socket, text: string) {
    const answer = once(socket, 'data')
    socket.write(text)
    expect(String(await answer)).toBe(text)
  }

  test('bytes and connections are counted by direction; an end passes', async () => {
    const socket = await dial()
    expect([proxy.counted('connections', 'a', 'b'), proxy.counted('bytes', 'a', 'b')]).toEqual([
      1, 5,
    ])
    expect([proxy.counted('bytes', 'b', 'a'), proxy.counted('bytes')]).toEqual([5, 10])
    socket.end()
    await once(socket, 'close')
  })

  test('a fault is of one direction; healed, what was held comes', async () => {
    const socket = await dial()
    proxy.harm('a', 'b', { kind: 'hold' })
    const answer = once(socket, 'data')
    socket.write('waits')
    await vi.waitUntil(() => proxy.counted('hold', 'a', 'b') > 0)
    expect(proxy.counted('hold', 'b', 'a')).toBe(0)
    proxy.heal()
    expect(String(await answer)).toBe('waits')
    socket.destroy()
  })

  test('a reset is one for both ends', async () => {
    const socket = await dial()
    const ends = Promise.all([once(socket, 'error'), once(far[0] as Socket, 'error')])
    proxy.harm('b', 'a', { kind: 'reset', bytes: 1 })
    for (const [error] of await ends) expect(error).toMatchObject({ code: 'ECONNRESET' })
  })

  test('a connection with changed bytes is open until somebody ends it', async () => {
    const socket = await dial()
    proxy.harm('a', 'b', { kind: 'corrupt', share: 1 })
    const answer = once(socket, 'data')
    socket.write('x')
    expect(String(await answer)).not.toBe('x')
    expect([proxy.counted('corrupt'), proxy.corruptOpen]).toEqual([1, 1])
    far[0]?.destroy()
    await once(socket, 'close')
    expect(proxy.corruptOpen).toBe(0)
  })

  test('nobody behind the door: the connection ends', async () => {
    server.close()
    const ended = once(connect(port, '127.0.0.1'), 'close')
    await expect(ended).rejects.toMatchObject({ code: 'ECONNRESET' })
  })
})
