/**
 * One system call a turn. @libp2p/tcp writes every part of a message by itself: the length that Noise
 * puts before a ciphertext and the ciphertext are two calls, two segments and two wake-ups of the peer.
 * Here the socket is corked while a turn of the event loop writes small pieces, and let go behind it.
 *
 * The socket is a private member of the connection: where it is not found, nothing changes.
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
        return (connection: MessageStream, ...rest: unknown[]) => {
          corkWrites(connection)
          return member.call(target, connection, ...rest)
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
