/**
 * Cluster events as sentences. The same view change is told by every node; the story says who lost
 * whom, who took over, and how long the shard had no primary.
 */
import type { Json, JsonObject } from '../base/json.ts'
import type { SubscriptionEvent } from '../client/client.ts'
import type { Terminal } from './terminal.ts'

export interface Told {
  readonly timeMs: number
  readonly node: string
  readonly sentence: string
  readonly event: JsonObject
}

/** What is shown apart from the sentence's own words. */
const KNOWN = new Set([
  'kind',
  'node',
  'shard',
  'view',
  'timeMs',
  'subscription',
  'n',
  'primary',
  'reason',
  'durationMs',
])
const KEPT_MAX = 64

export class ClusterStory {
  readonly #terminal: Terminal
  readonly #style: Terminal['style']
  /** When the first node of a shard left the view before this one: `shard/view` → ms. */
  readonly #leftAt = new Map<string, number>()

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    this.#style = (text, ...styles) => terminal.style(text, ...styles)
  }

  /** An event that a node reports. */
  event(event: JsonObject): Told | undefined {
    const node = String(event['node'] ?? '?')
    const timeMs = typeof event['timeMs'] === 'number' ? event['timeMs'] : Date.now()
    return { timeMs, node, event, sentence: this.#sentence(event, node, timeMs) }
  }

  /** A connection to a node that opened or ended. */
  line(node: string, each: Exclude<SubscriptionEvent, { type: 'event' }>): Told {
    const timeMs = Date.now()
    const open = each.type === 'open'
    const kind = open ? 'watch_opened' : 'watch_lost'
    const sentence = open
      ? this.#style('● answers', 'green')
      : this.#style('○ does not answer any more', 'red')
    return { timeMs, node, sentence, event: { kind, node, timeMs, endpoint: each.endpoint } }
  }

  #sentence(event: JsonObject, node: string, timeMs: number): string {
    const kind = String(event['kind'])
    const shard =
      event['shard'] === undefined || event['shard'] === 'main' ? '' : ` of ${event['shard']}`
    const where = `view ${event['view']}${shard}`
    switch (kind) {
      case 'view_change_started':
        this.#remember(event, timeMs)
        return `${this.#style('view change', 'yellow')} → ${where}${this.#next(event)}${because(event)}${rest(event, 'next')}`
      case 'view_started':
        return `${this.#started(event, node, where, timeMs)}${rest(event)}`
      case 'status_changed':
        return `${event['status'] ?? 'changed'} in ${where}${because(event)}${rest(event, 'status')}`
      case 'peer_up':
        return `${this.#style('+', 'green')} sees ${this.#peer(event)}${rest(event, 'peer', 'name')}`
      case 'peer_down':
        return `${this.#style('−', 'red')} lost ${this.#peer(event)}${because(event)}${rest(event, 'peer', 'name')}`
      default:
        return `${colored(kind, this.#style)}${event['view'] === undefined ? '' : ` ${where}`}${because(event)}${rest(event)}`
    }
  }

  #started(event: JsonObject, node: string, where: string, timeMs: number): string {
    const { primary } = event
    if (primary !== node) {
      const whom = typeof primary === 'string' ? ` ${this.#terminal.node(primary)}` : ''
      return `follows${whom} in ${where}`
    }
    const since = this.#leftAt.get(keyOf(event))
    const gap = since === undefined ? '' : ` after ${Math.max(0, timeMs - since)} ms`
    return `${this.#style('★ is primary', 'bold', 'yellow')} of ${where}${gap}`
  }

  #next({ next }: JsonObject): string {
    return typeof next === 'string' ? `, ${this.#terminal.node(next)} is to be primary` : ''
  }

  #remember(event: JsonObject, timeMs: number): void {
    const key = keyOf(event)
    if (!this.#leftAt.has(key)) this.#leftAt.set(key, timeMs)
    const [oldest] = this.#leftAt.keys()
    if (this.#leftAt.size > KEPT_MAX && oldest !== undefined) this.#leftAt.delete(oldest)
  }

  #peer(event: JsonObject): string {
    const name = event['name'] ?? event['peer'] ?? 'a peer'
    return this.#terminal.node(String(name))
  }
}

function colored(kind: string, style: Terminal['style']): string {
  const words = kind.replaceAll('_', ' ')
  return kind.startsWith('alarm') ? style(words, 'bold', 'red') : style(words, 'cyan')
}

function keyOf(event: JsonObject): string {
  return `${event['shard'] ?? 'main'}/${event['view']}`
}

function because(event: JsonObject): string {
  return event['reason'] === undefined ? '' : `: ${show(event['reason'])}`
}

/** Members that no sentence speaks of. */
function rest(event: JsonObject, ...told: readonly string[]): string {
  const left = Object.entries(event).filter(([name]) => !KNOWN.has(name) && !told.includes(name))
  return left.length === 0
    ? ''
    : `  ${left.map(([name, value]) => `${name}=${show(value)}`).join(' ')}`
}

function show(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}
