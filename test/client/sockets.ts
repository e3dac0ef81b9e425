/** WebSockets without a network: a test sees what is sent, and sends and ends what it likes. */
import { type Client, type ClientOptions, connectBy } from '../../src/client/connect.ts'
import type { OpenSocket, SocketEvents } from '../../src/client/socket.ts'
import type { Played } from './played.ts'

// biome-ignore lint/suspicious/noExplicitAny: messages are looked into freely
type Message = any

/** One connection, from the daemon's side. */
export class Peer {
  readonly endpoint: string
  readonly token: string | undefined
  readonly sent: Message[] = []
  isClosed = false
  isPaused = false
  isBusy: boolean | undefined
  readonly #events: SocketEvents
  readonly #told: () => void

  constructor(endpoint: string, token: string | undefined, events: SocketEvents, told: () => void) {
    this.endpoint = endpoint
    this.token = token
    this.#events = events
    this.#told = told
  }

  open(): void {
    this.#events.open()
    this.#told()
  }

  receive(text: string): void {
    this.sent.push(JSON.parse(text))
    this.#told()
  }

  text(text: string): void {
    this.#events.message(text)
  }

  answer(id: number, result: object): void {
    this.text(JSON.stringify({ jsonrpc: '2.0', id, result }))
  }

  event(n: number, event: object): void {
    const params = { subscription: 's1', n, ...event }
    this.text(JSON.stringify({ jsonrpc: '2.0', method: 'sub.event', params }))
  }

  end(reason = 'reset'): void {
    this.isClosed = true
    this.#events.close(reason)
  }
}

/** As the network: when whoever asked for the connection has it in hand. */
async function later(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await undefined
}

export class Sockets {
  readonly peers: Peer[] = []
  canPause = true
  /** Called with each connection that is tried. */
  onConnect: (peer: Peer) => void = peer => peer.open()
  #told: () => void = () => {}

  readonly open: OpenSocket = async (endpoint, token, events) => {
    const peer = new Peer(endpoint, token, events, () => this.#told())
    this.peers.push(peer)
    void later().then(() => this.onConnect(peer))
    return {
      send: text => peer.receive(text),
      close: () => {
        peer.isClosed = true
      },
      ...(this.canPause && {
        pause: () => {
          peer.isPaused = true
        },
        resume: () => {
          peer.isPaused = false
        },
      }),
      hold: busy => {
        peer.isBusy = busy
      },
    }
  }

  /** What is not carried by a socket goes to the played. */
  client(
    http: Played,
    options: ClientOptions = {},
    endpoints: readonly string[] = ['a.example:1'],
  ): Client {
    return connectBy(this.open, endpoints, { session: false, ...options }, http.transport)
  }

  /** Resolves when so many messages have been sent over the connection. */
  async sent(peer: number, count: number): Promise<readonly Message[]> {
    while ((this.peers[peer]?.sent.length ?? 0) < count) {
      await new Promise<void>(resolve => {
        this.#told = resolve
      })
    }
    return this.peers[peer]?.sent ?? []
  }
}
