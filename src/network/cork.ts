/**
 * Two things that cost much in the layers below, and need not.
 *
 * One system call a turn: @libp2p/tcp writes every part of a message by itself; the length that Noise
 * puts before a ciphertext and the ciphertext are two calls, two segments and two wake-ups of the peer.
 * Here the socket is corked while a turn of the event loop writes small pieces, and let go behind it.
 *
 * No error a message: the decoder of Noise learns from a thrown RangeError that it has read all there is,
 * and the stack of that error is 5 % of what a backup does. Here it is always the same error.
 *
 * Both reach into private members: where they are not found, nothing changes.
 */
import { Socket } from 'node:net'
import type { ConnectionEncrypter, MessageStream } from '@libp2p/interface'

/** Larger messages go at once: gathering them costs more than it saves. */
const SMALL_BYTES = 16 * 1024

type Encrypters = (components: never) => ConnectionEncrypter

/** An encrypter that sees to it that what it encrypts leaves in one piece. */
export function corked<Make extends Encrypters>(make: Make): Make {
  const wrapped = (components: never): ConnectionEncrypter => {
    const inner = make(components)
    return new Proxy(inner, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target)
        if (typeof member !== 'function') return member
        if (name !== 'secureInbound' && name !== 'secureOutbound') return member.bind(target)
        return async (connection: MessageStream, ...rest: unknown[]) => {
          corkWrites(connection)
          const secured: unknown = await member.call(target, connection, ...rest)
          endWithoutError(secured)
          return secured
        }
      },
    })
  }
  return wrapped as Make
}

interface Writing {
  socket?: unknown
  sendData?: (data: { readonly byteLength: number }) => unknown
}

function corkWrites(connection: MessageStream): void {
  const writing = connection as unknown as Writing
  const { socket, sendData } = writing
  if (!(socket instanceof Socket) || sendData === undefined) return
  let isCorked = false
  const release = () => {
    isCorked = false
    socket.uncork()
  }
  writing.sendData = data => {
    if (!isCorked && data.byteLength <= SMALL_BYTES) {
      isCorked = true
      socket.cork()
      process.nextTick(release)
    }
    return sendData.call(connection, data)
  }
}

interface Secured {
  connection?: { decoder?: { lengthDecoder?: unknown } }
}

/** As the decoder's own function: the next message's length, or a RangeError if it is not all there. */
interface Bytes {
  readonly byteLength: number
  readonly [index: number]: number
  get?: (index: number) => number
}

const INCOMPLETE = new RangeError('the length of the next message is not all there')

function endWithoutError(secured: unknown): void {
  const decoder = (secured as Secured).connection?.decoder
  if (typeof decoder?.lengthDecoder !== 'function') return
  decoder.lengthDecoder = (data: Bytes): number => {
    if (data.byteLength < 2) throw INCOMPLETE
    const [high = 0, low = 0] = data.get ? [data.get(0), data.get(1)] : [data[0], data[1]]
    return high * 256 + low
  }
}
