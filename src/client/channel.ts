/**
 * Calls to one daemon over one WebSocket, many under way at a time; answers come as they are ready. It is opened
 * by the first call, and again by the next one after it was lost.
 */
import { onAbort } from './abort.ts'
import { aborted, clientClosed, connectionLost, noAnswer, unreachable } from './error.ts'
import { type OpenSocket, parseMessage, type Socket } from './socket.ts'

export interface Message {
  readonly id: number
  readonly text: string
  /** For the connection to open, if it is not. */
  readonly openMs: number
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** The connection did not come about, and the daemon may still answer over HTTP. Nothing was sent. */
export class NotOpened extends Error {}

/** One connection, from the first try on. */
interface Link {
  socket: Socket | undefined
  isOpen: boolean
  timer: ReturnType<typeof setTimeout> | undefined
}

interface Waiting {
  readonly text: string
  readonly sentAt: number
  readonly answered: (message: Record<string, unknown>) => void
  readonly failed: (error: Error) => void
}

export class Channel {
  readonly #endpoint: string
  readonly #token: string | undefined
  readonly #open: OpenSocket
  readonly #waiting = new Map<number, Waiting>()
  #link: Link | undefined
  #heardAt = 0

  constructor(endpoint: string, token: string | undefined, open: OpenSocket) {
    this.#endpoint = endpoint
    this.#token = token
    this.#open = open
  }

  /** The answer's message. Rejects with NotOpened or the ViewstampError that says what may have happened. */
  call(message: Message): Promise<Record<string, unknown>> {
    const { id, text, openMs, timeoutMs, signal } = message
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted('none', signal))
      const timer = setTimeout(() => this.#late(waiting, timeoutMs), timeoutMs)
      const leave = (): void => {
        clearTimeout(timer)
        release()
        this.#waiting.delete(id)
        if (this.#waiting.size === 0) this.#link?.socket?.hold?.(false)
      }
      const waiting: Waiting = {
        text,
        sentAt: performance.now(),
        answered: answer => {
          leave()
          resolve(answer)
        },
        failed: error => {
          leave()
          reject(error)
        },
      }
      const release = onAbort(signal, () => {
        if (signal) waiting.failed(aborted(this.#wasSent ? 'unknown' : 'none', signal))
      })
      this.#waiting.set(id, waiting)
      if (this.#link === undefined) this.#begin(openMs)
      else if (this.#link.isOpen) this.#send(this.#link, text)
    })
  }

  close(): void {
    this.#end(clientClosed(this.#wasSent ? 'unknown' : 'none'))
  }

  /** What waits has been sent: all of it, or nothing while the connection opens. */
  get #wasSent(): boolean {
    return this.#link?.isOpen === true
  }

  #send({ socket }: Link, text: string): void {
    if (this.#waiting.size === 1) socket?.hold?.(true)
    socket?.send(text)
  }

  /** Events of a connection that is not this channel's any more are ignored. */
  #begin(openMs: number): void {
    const link: Link = { socket: undefined, isOpen: false, timer: undefined }
    const isCurrent = (): boolean => this.#link === link
    const silent = `no connection within ${Math.round(openMs)} ms`
    link.timer = setTimeout(() => this.#end(unreachable(this.#endpoint, silent)), openMs)
    this.#link = link
    const lost = (reason: string): void => {
      if (isCurrent()) this.#lost(reason)
    }
    this.#open(this.#endpoint, this.#token, {
      open: () => {
        if (isCurrent()) this.#opened(link)
      },
      message: text => {
        if (isCurrent()) this.#message(text)
      },
      close: lost,
    }).then(
      socket => {
        link.socket = socket
        if (!isCurrent()) socket.close()
      },
      (error: unknown) => lost(error instanceof Error ? error.message : String(error)),
    )
  }

  #opened(link: Link): void {
    clearTimeout(link.timer)
    link.isOpen = true
    this.#heardAt = performance.now()
    link.socket?.hold?.(this.#waiting.size > 0)
    for (const { text } of this.#waiting.values()) link.socket?.send(text)
  }

  #message(text: string): void {
    this.#heardAt = performance.now()
    const message = parseMessage(text)
    const id = message?.['id']
    // Late answers are nobody's any more; notifications are for subscriptions, which have their own socket.
    if (message !== undefined && typeof id === 'number') this.#waiting.get(id)?.answered(message)
  }

  /** Who says nothing at all is gone or stopped: the others need not wait for it as long. */
  #late(waiting: Waiting, timeoutMs: number): void {
    if (!this.#wasSent) return waiting.failed(unreachable(this.#endpoint, 'no connection in time'))
    const isSilent = this.#heardAt < waiting.sentAt
    waiting.failed(noAnswer(this.#endpoint, timeoutMs))
    if (isSilent) this.#lost('it does not answer any more')
  }

  #lost(reason: string): void {
    const isLost = this.#wasSent
    this.#end(isLost ? connectionLost(this.#endpoint, new Error(reason)) : new NotOpened(reason))
  }

  #end(error: Error): void {
    const link = this.#link
    this.#link = undefined
    clearTimeout(link?.timer)
    link?.socket?.close()
    for (const waiting of [...this.#waiting.values()]) waiting.failed(error)
  }
}
