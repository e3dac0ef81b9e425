/**
 * Damage that is met while the daemon runs is mended without ending it: the node lays its roles down, its data is
 * closed and opened again, with the audit, the repair or the setting aside of any start, and the same node goes on
 * behind the same port. A write that failed for another reason, and a state that is not that of the others, end the
 * process as ever.
 */
import type { Mended } from '../node/api.ts'
import type { Node } from '../node/node.ts'
import type { StorageError } from '../storage/port.ts'
import type { Lives, Means } from './life.ts'

/** Damage that comes again and again is the disk's. As often as data is set aside (src/storage/set-aside.ts). */
export const MENDS_MAX = 5

export class Mending {
  readonly #means: Pick<Means, 'log' | 'fail'>
  #daemon: { readonly node: Node; readonly lives: Lives } | undefined
  /** Met before there was a node to close. */
  #early: StorageError | undefined
  #underWay: Promise<void> | undefined
  #mended: Mended | undefined
  #isOver = false

  constructor(means: Pick<Means, 'log' | 'fail'>) {
    this.#means = means
  }

  get mended(): Mended | undefined {
    return this.#mended
  }

  /** From now on it can. */
  ready(node: Node, lives: Lives): void {
    this.#daemon = { node, lives }
    if (this.#early) this.damaged(this.#early)
  }

  readonly damaged = (error: StorageError): void => {
    if (this.#isOver || this.#underWay) return
    if (this.#daemon === undefined) {
      this.#early ??= error
      return
    }
    const times = (this.#mended?.times ?? 0) + 1
    if (times > MENDS_MAX) return this.#end(error)
    const { node, lives } = this.#daemon
    this.#underWay = this.#mend(node, lives, { times, lastMs: Date.now(), why: whatOf(error) })
      .catch(error => this.#end(error))
      .finally(() => {
        this.#underWay = undefined
      })
  }

  /** Nothing is opened any more when it resolves. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#underWay
  }

  async #mend(node: Node, lives: Lives, mended: Mended): Promise<void> {
    const { log } = this.#means
    const before = node.context
    const often = `${mended.times} of ${MENDS_MAX} times before the process ends`
    log.warn(`${mended.why} ${node.name} closes its data and opens it again (${often})`)
    await node.pause()
    this.#mended = mended
    if (this.#isOver) return
    node.goOn(await lives.open(before))
    log.warn(`${node.name} goes on with its data opened again. Look at the disk (dmesg, SMART)`)
  }

  #end(error: unknown): void {
    this.#isOver = true
    this.#means.fail(error)
  }
}

/** The first sentence: what and where. What to do next is being done. */
const whatOf = ({ message }: StorageError): string => `${message.split('. ', 1)[0]}.`
