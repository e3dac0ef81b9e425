/**
 * One direction of a connection through a proxy: bytes go in, wait, are harmed, go out or do not. Their order is
 * kept, and what waits is bounded: then the sender is not read any more, as behind a narrow line. A fault is
 *
 *   delay { fromMs, toMs }        each chunk comes later by something between
 *   throttle { bytesPerSecond }
 *   corrupt { share }             in that share of the chunks one byte is another one
 *   swallow                       bytes vanish, and no end is told. Healed, it stays so for this connection, as
 *                                 behind a router that has forgotten it
 *   hold                          nothing passes, and no end is told; healed, what waited goes on
 *   reset { bytes }               connections end with RST: those there are now, new ones within so many bytes
 *   cut { share }                 that share of the chunks is passed in part, and then an end
 */
const WAITING_BYTES_MAX = 256 * 1024
/** What a narrow line takes at once. */
const PIECE_BYTES = 800
const NOTHING = Buffer.alloc(0)

export class Pipe {
  #from
  #to
  #events
  /** { bytes, end, dueMs }; end: 'FIN' or 'RST' behind the bytes. */
  #queue = []
  #waiting = 0
  #lastDueMs = 0
  #freeAtMs = 0
  #timer
  #isDeaf = false
  #left

  /** `events`: fault() in force; random(); count(kind, n) of what was done; reset() of the connection. */
  constructor(from, to, events) {
    this.#from = from
    this.#to = to
    this.#events = events
    from.on('data', bytes => this.#take(bytes))
    from.on('end', () => this.#put(NOTHING, { end: 'FIN' }))
    from.on('error', () => this.#put(NOTHING, { end: 'RST' }))
    to.on('drain', () => this.#pump())
  }

  /** Another fault, or none. */
  changed() {
    if (this.#events.fault()?.kind === 'reset') this.#reset()
    else this.#pump()
  }

  stop() {
    clearTimeout(this.#timer)
    this.#queue = []
  }

  #take(bytes) {
    const { fault: faultNow, random, count } = this.#events
    const fault = faultNow()
    count('bytes', bytes.length)
    if (fault?.kind === 'swallow') this.#isDeaf = true
    if (this.#isDeaf) count('swallow', bytes.length)
    else if (fault?.kind === 'reset') this.#wearOut(bytes, fault)
    else if (fault?.kind === 'delay') {
      count('delay', 1)
      this.#put(bytes, { delayMs: fault.fromMs + random() * (fault.toMs - fault.fromMs) })
    } else if (fault?.kind === 'corrupt' && random() < fault.share) {
      count('corrupt', 1)
      bytes[Math.floor(random() * bytes.length)] ^= 1 + Math.floor(random() * 255)
      this.#put(bytes)
    } else if (fault?.kind === 'cut' && random() < fault.share) {
      count('cut', 1)
      const part = bytes.subarray(0, Math.floor(random() * bytes.length))
      this.#put(part, { end: random() < 0.5 ? 'FIN' : 'RST' })
    } else this.#put(bytes)
  }

  #wearOut(bytes, { bytes: within }) {
    this.#left ??= Math.floor(this.#events.random() * within)
    this.#left -= bytes.length
    if (this.#left < 0) this.#reset()
    else this.#put(bytes)
  }

  #put(bytes, { delayMs = 0, end } = {}) {
    this.#lastDueMs = Math.max(this.#lastDueMs, performance.now() + delayMs)
    this.#queue.push({ bytes, end, dueMs: this.#lastDueMs })
    this.#waiting += bytes.length
    if (this.#waiting > WAITING_BYTES_MAX) this.#from.pause()
    this.#pump()
  }

  #pump() {
    clearTimeout(this.#timer)
    while (this.#queue.length > 0 && !this.#to.writableNeedDrain) {
      const fault = this.#events.fault()
      if (fault?.kind === 'hold') return this.#events.count('hold', 1)
      const freeMs = fault?.kind === 'throttle' ? this.#freeAtMs : 0
      const waitMs = Math.max(this.#queue[0].dueMs, freeMs) - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), waitMs)
        return
      }
      this.#pass(fault)
    }
  }

  #pass(fault) {
    const first = this.#queue[0]
    const isNarrow = fault?.kind === 'throttle'
    const bytes = isNarrow ? first.bytes.subarray(0, PIECE_BYTES) : first.bytes
    first.bytes = first.bytes.subarray(bytes.length)
    if (first.bytes.length === 0) this.#queue.shift()
    this.#waiting -= bytes.length
    if (this.#waiting <= WAITING_BYTES_MAX) this.#from.resume()
    if (isNarrow) {
      this.#events.count('throttle', bytes.length)
      this.#freeAtMs = performance.now() + (1000 * bytes.length) / fault.bytesPerSecond
    }
    if (bytes.length > 0 && this.#to.writable) this.#to.write(bytes)
    if (first.bytes.length === 0 && !this.#isDeaf) this.#end(first.end)
  }

  #end(how) {
    if (how === 'FIN') this.#to.end()
    if (how === 'RST') this.#events.reset()
  }

  #reset() {
    this.#events.count('reset', 1)
    this.#events.reset()
  }
}
