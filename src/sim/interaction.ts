/**
 * The language of golden traces: scenes that a script plays on a cluster, with what came of them.
 * Directives, a line `----`, then the output; a blank line ends it.
 *
 *   cluster 3 pipeline=4 checkpoint=8 keep=16 tail=8     first; starts all replicas
 *   client c1 at r0                    opens a session; told in one line
 *   request c1 put x 1 [at r1]         a new request; r0 unless said
 *   again c1 2 at r1                   sends request 2 of c1 once more
 *   reuse c1 2 put x 9 [at r1]         another request under the number of request 2
 *   read c1 x at r1                    a linearizable read
 *   deliver [r0] [r1] [PREPARE]        all messages, or those from r0, to r1, of a type (`any` skips one)
 *   drop · cut · hold [the same]       lose what is under way · lose from now on · keep under way
 *   heal · release                     ends all cuts · all holds
 *   record NAME [the same]             names the last such message, delivered or not
 *   replay NAME                        it is under way once more
 *   tick MS [r0 …] · run MS            time passes · and everything is delivered meanwhile
 *   stop r0 · start r0                 a crash loses what was not synced
 *   wipe r0 [superblock]               its disk is lost (the superblock is not); `start` recovers it
 *   damage r0 n7                       a bit of entry 7 on its disk flips
 *   skew r0 MS                         its clock on the wall is off
 *   hang r0 · sync r0                  writes wait · go on
 *   short r0 · roomy r0                its disk has too little space left · has room again
 *   step-down r0 · disconnect r0 r1 · connect r0 r1
 *   show · hide TYPE|disk|executes|events …
 *   state                              one line per replica
 */
import { present } from '../base/assert.ts'
import { utf8 } from '../base/bytes.ts'
import type { Command } from '../vr/entry.ts'
import type { ReplicaOptions } from '../vr/options.ts'
import { isPrimary, opOf } from '../vr/state.ts'
import { clientId, replicaNumber, requestNumber } from '../vr/terms.ts'
import { Script } from './script.ts'
import { Stage, type Which } from './stage.ts'
import type { HostView } from './world.ts'

const OPTIONS: Readonly<Record<string, keyof ReplicaOptions>> = {
  pipeline: 'pipelineMax',
  appends: 'appendsInFlightMax',
  batch: 'batchCommandsMax',
  checkpoint: 'checkpointEvery',
  interval: 'checkpointIntervalMs',
  keep: 'keepLogOperations',
  tail: 'logTailMax',
  transfer: 'transferBytesMax',
  clients: 'clientsMax',
}

/** Plays a trace; gives it back with the output that came. */
export function play(trace: string): string {
  const player = new Player()
  const out: string[] = []
  let directives: string[] = []
  let isOutput = false
  for (const line of trace.split('\n')) {
    if (isOutput) {
      if (line !== '') continue
      isOutput = false
      out.push('')
    } else if (line === '----') {
      out.push(line, ...player.play(directives))
      directives = []
      isOutput = true
    } else {
      if (line !== '' && !line.startsWith('#')) directives.push(line)
      out.push(line)
    }
  }
  return `${out.join('\n').trimEnd()}\n`
}

class Player {
  #stage: Stage | undefined
  readonly #script = new Script()
  readonly #requests = new Map<string, Command[]>()

  play(directives: readonly string[]): string[] {
    for (const directive of directives) {
      try {
        this.#do(directive.split(' '))
      } catch (error) {
        this.#script.line(`error: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    const lines = this.#script.take()
    return lines.length === 0 ? ['ok'] : lines
  }

  #do(words: readonly string[]): void {
    const [verb, ...rest] = words
    if (verb === 'cluster') {
      this.#stage = new Stage(Number(rest[0]), optionsOf(rest.slice(1)), this.#script)
      this.#script.take()
      return
    }
    const stage = present(this.#stage, 'the first directive is «cluster»')
    switch (verb) {
      case 'client':
        return this.#open(stage, rest)
      case 'request':
        return this.#request(stage, rest)
      case 'again':
        return this.#again(stage, rest)
      case 'reuse':
        return this.#reuse(stage, rest)
      case 'read':
        return stage.read(hostOf(rest, 0), clientOf(rest[0]), rest[1] ?? '')
      case 'show':
        for (const what of rest) this.#script.show(what)
        return
      case 'hide':
        for (const what of rest) this.#script.hide(what)
        return
      case 'state':
        for (const host of stage.hosts) this.#script.line(describe(host))
        return
      default:
        this.#direct(stage, verb ?? '', rest)
    }
  }

  #direct(stage: Stage, verb: string, rest: readonly string[]): void {
    const first = (): number => numberOf(rest[0])
    switch (verb) {
      case 'deliver':
        return stage.deliver(whichOf(rest))
      case 'drop':
        return stage.drop(whichOf(rest))
      case 'cut':
        return stage.cut(whichOf(rest))
      case 'hold':
        return stage.hold(whichOf(rest))
      case 'record':
        return stage.record(rest[0] ?? '', whichOf(rest.slice(1)))
      case 'replay':
        return stage.replay(rest[0] ?? '')
      case 'heal':
        return stage.heal()
      case 'release':
        return stage.release()
      case 'tick':
      case 'run': {
        const named = rest.slice(1).map(numberOf)
        const who = named.length > 0 ? named : stage.hosts.map(host => host.number)
        return stage.tick(Number(rest[0]), who, verb === 'run' ? 'deliver' : 'silent')
      }
      case 'stop':
        return stage.stop(first())
      case 'start':
        return stage.start(first())
      case 'wipe':
        return stage.wipe(first(), rest[1] === 'superblock')
      case 'damage':
        return stage.damage(first(), numberOf(rest[1]))
      case 'skew':
        return stage.skew(first(), Number(rest[1]))
      case 'hang':
        return stage.hang(first())
      case 'sync':
        return stage.sync(first())
      case 'short':
      case 'roomy':
        return stage.host(first()).step({ type: 'space', isShort: verb === 'short' })
      case 'step-down':
        return stage.host(first()).step({ type: 'step-down' })
      case 'connect':
      case 'disconnect': {
        const replica = replicaNumber(numberOf(rest[1]))
        return stage.host(first()).step({ type: 'peer', replica, connected: verb === 'connect' })
      }
      default:
        throw new Error(`«${verb}» is no directive; interaction.ts lists them`)
    }
  }

  /** A session is opened behind the scene: only what follows is the story. */
  #open(stage: Stage, rest: readonly string[]): void {
    const name = rest[0] ?? ''
    const before = this.#script.take()
    stage.request(hostOf(rest, 0), clientOf(name), commandOf('register', name, 0, ''))
    stage.deliver({})
    stage.tick(
      60,
      stage.hosts.map(host => host.number),
      'deliver',
    )
    this.#script.take()
    const isOpen = stage.sessions.has(name)
    for (const line of before) this.#script.line(line)
    this.#script.line(isOpen ? `${name} has a session` : `${name} has no session`)
    this.#requests.set(name, [])
  }

  #request(stage: Stage, rest: readonly string[]): void {
    const name = rest[0] ?? ''
    const sent = present(this.#requests.get(name), 'the client has a session')
    const session = present(stage.sessions.get(name), 'the client has a session')
    const command = commandOf('operation', session, sent.length + 1, lineOf(rest.slice(1)))
    sent.push(command)
    stage.request(hostOf(rest, 0), clientOf(name), command)
  }

  #again(stage: Stage, rest: readonly string[]): void {
    const sent = present(this.#requests.get(rest[0] ?? ''), 'the client has a session')
    const command = present(sent[Number(rest[1]) - 1], 'the request was sent before')
    stage.request(hostOf(rest, 0), clientOf(rest[0]), command)
  }

  #reuse(stage: Stage, rest: readonly string[]): void {
    const session = present(stage.sessions.get(rest[0] ?? ''), 'the client has a session')
    const command = commandOf('operation', session, Number(rest[1]), lineOf(rest.slice(2)))
    stage.request(hostOf(rest, 0), clientOf(rest[0]), command)
  }
}

/** The operation, without `at r1`. */
function lineOf(words: readonly string[]): string {
  const at = words.lastIndexOf('at')
  return words.slice(0, at < 0 ? undefined : at).join(' ')
}

function commandOf(kind: Command['kind'], name: string, number: number, line: string): Command {
  return {
    kind,
    clientId: clientId(name),
    requestNumber: requestNumber(number),
    ackedNumber: requestNumber(0),
    meta: '',
    operation: utf8(line),
  }
}

function optionsOf(words: readonly string[]): Partial<ReplicaOptions> {
  const options: Partial<Record<keyof ReplicaOptions, number>> = {}
  for (const word of words) {
    const [name = '', value] = word.split('=')
    const option = OPTIONS[name]
    if (option === undefined) throw new Error(`«${name}» is no option; interaction.ts lists them`)
    options[option] = Number(value)
  }
  return options
}

/** `r1` → 1. */
function numberOf(word: string | undefined): number {
  const number = Number(word?.slice(1))
  if (word === undefined || !Number.isInteger(number)) throw new Error(`«${word}» names no replica`)
  return number
}

const clientOf = (word: string | undefined): number => Number(word?.slice(1))

/** … at r1 */
function hostOf(words: readonly string[], otherwise: number): number {
  const at = words.lastIndexOf('at')
  return at < 0 ? otherwise : numberOf(words[at + 1])
}

function whichOf(words: readonly string[]): Which {
  const isNumber = (word: string | undefined): boolean => /^r\d$/.test(word ?? '')
  const [a, b] = words
  const type = words.find(word => /^[A-Z]+$/.test(word))
  const from = isNumber(a) ? numberOf(a) : undefined
  const to = isNumber(b) ? numberOf(b) : undefined
  return { from, to, type }
}

function describe({ number, replica }: HostView): string {
  if (replica === undefined) return `r${number} # down`
  const { status, viewNumber, lastNormalView, commitNumber, log } = replica
  const glyph = isPrimary(replica) ? '*' : status === 'normal' ? '.' : '?'
  const last = lastNormalView === viewNumber ? '' : ` v'${lastNormalView}`
  const views = log.entries.slice(-6).map(entry => `n${entry.opNumber}@v${entry.viewNumber}`)
  const tail = views.length > 0 ? `  ${views.join(' ')}` : ''
  return `r${number} ${glyph} ${status} v${viewNumber}${last} n${opOf(replica)} k${commitNumber}${tail}`
}
