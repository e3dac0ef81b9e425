/** Small things that every user of a libp2p stream needs. */
import type { Stream } from '@libp2p/interface'
import { type FrameKind, FrameParser, HEADER_BYTES, headerOf } from './frames.ts'

/**
 * Parses a stream into frames in its 'message' events, synchronously. Bad input (and nothing else)
 * aborts the stream and is told to `onBroken`; it never throws into libp2p.
 */
export function readFrames(
  stream: Stream,
  options: {
    readonly frameBytesMax: number
    readonly onFrame: (kind: FrameKind, frame: Uint8Array) => void
    readonly onBroken: (error: unknown) => void
  },
): void {
  announceRoomLazily(stream)
  const parser = new FrameParser((kind, frame) => {
    // A frame before may have led to the stream's end: what follows it is void.
    if (stream.status === 'open') options.onFrame(kind, frame)
  }, options.frameBytesMax)
  stream.addEventListener('message', event => {
    try {
      if (event.data instanceof Uint8Array) parser.push(event.data)
      else for (const part of event.data) parser.push(part)
    } catch (error) {
      options.onBroken(error)
      stream.abort(error instanceof Error ? error : new Error(String(error)))
    }
  })
}

/** One frame, at once; false when the stream is closed already. */
export function sendFrame(stream: Stream, kind: FrameKind, frame: Uint8Array): boolean {
  if (stream.writeStatus !== 'writable') return false
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + frame.length)
  bytes.writeUInt32LE(headerOf(kind, frame.length), 0)
  bytes.set(frame, HEADER_BYTES)
  try {
    stream.send(bytes)
    return true
  } catch {
    return false
  }
}

/**
 * Yamux answers every data frame with a frame of its own that says how much room there is again:
 * another encrypted message and another write to the socket for each of ours. Told once half the
 * window is used, the sender never runs dry, and a put costs a third fewer system calls on every
 * node. Reaches into yamux; where its members are named otherwise, it goes on as it is.
 */
function announceRoomLazily(stream: Stream): void {
  const yamux = stream as Stream & {
    recvWindow?: unknown
    recvWindowCapacity?: unknown
    sendWindowUpdate?: () => void
  }
  const announce = yamux.sendWindowUpdate
  if (announce === undefined) return
  yamux.sendWindowUpdate = () => {
    const { recvWindow, recvWindowCapacity: room } = yamux
    const hasRoom =
      typeof recvWindow === 'number' && typeof room === 'number' && room > recvWindow / 2
    if (!hasRoom) announce.call(stream)
  }
}
