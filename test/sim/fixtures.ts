/** Entries, writes and hosts by hand, for tests of the disk and of the properties. */
import { utf8 } from '../../src/base/bytes.ts'
import { type Daemon, newDaemon } from '../../src/sim/admission.ts'
import { CLUSTER, emptyImage, type Image } from '../../src/sim/disk.ts'
import { History, type Operation } from '../../src/sim/history.ts'
import { calmOptions } from '../../src/sim/swarm.ts'
import type { HostView, World } from '../../src/sim/world.ts'
import type { Executed, Write } from '../../src/vr/effect.ts'
import { type Entry, genesisChecksum, makeEntry } from '../../src/vr/entry.ts'
import type { ReplyAnswer } from '../../src/vr/message.ts'
import type { Replica } from '../../src/vr/state.ts'
import {
  clientId,
  epochNumber,
  opNumber,
  requestNumber,
  revOf,
  viewNumber,
} from '../../src/vr/terms.ts'

export interface Line {
  readonly session?: string
  readonly request?: number
  readonly text: string
}

/** Entries 1 …, chained; `views[i]` is the view that made op i + 1. */
export function chainOf(lines: readonly Line[], views: readonly number[] = []): Entry[] {
  const entries: Entry[] = []
  let parent = genesisChecksum(CLUSTER, 0)
  lines.forEach((line, i) => {
    const entry = makeEntry({
      shard: 0,
      epochNumber: epochNumber(0),
      viewNumber: viewNumber(views[i] ?? 0),
      opNumber: opNumber(i + 1),
      parent,
      timeMs: 1000 + i,
      revBefore: revOf(i),
      lamport: 2 * i + 1,
      commitNumber: opNumber(0),
      commands: [
        {
          kind: 'operation',
          clientId: clientId(line.session ?? 'c1'),
          requestNumber: requestNumber(line.request ?? i + 1),
          ackedNumber: requestNumber(0),
          meta: '',
          operation: utf8(line.text),
        },
      ],
    })
    entries.push(entry)
    parent = entry.checksum
  })
  return entries
}

export const lines = (...texts: string[]): Line[] => texts.map(text => ({ text }))

export function writeOf(fields: Partial<Write>): Write {
  return {
    type: 'write',
    token: 1,
    truncateFrom: undefined,
    append: [],
    vsr: undefined,
    texts: undefined,
    install: undefined,
    then: [],
    ...fields,
  }
}

export function vsr(view: number, lastNormalView: number): NonNullable<Write['vsr']> {
  return {
    epochNumber: epochNumber(0),
    viewNumber: viewNumber(view),
    lastNormalView: viewNumber(lastNormalView),
  }
}

export function executed(entry: Entry, result = 'ok', answered = entry.opNumber): Executed {
  const answer: ReplyAnswer = {
    type: 'executed',
    opNumber: answered,
    viewNumber: entry.viewNumber,
    rev: revOf(entry.opNumber),
    lamport: entry.lamport + 1,
    timeMs: entry.timeMs,
    result: utf8(result),
  }
  return { type: 'executed', entry, answers: entry.commands.map(() => answer), changes: [] }
}

export interface FakeHost extends HostView {
  boot: number
}

export function worldOf(replicas: number): World & { hosts: FakeHost[] } {
  const hosts = Array.from({ length: replicas }, (_, number) => ({
    number,
    boot: 1,
    wipes: 0,
    isImpostor: false,
    replica: undefined,
    image: emptyImage(),
  }))
  return {
    options: calmOptions(1, { replicas }),
    quorum: Math.floor(replicas / 2) + 1,
    hosts,
    history: new History(),
    committed: [],
    core: [],
    nowMs: 0,
  }
}

export function operation(fields: Partial<Operation>): Operation {
  return {
    id: 0,
    client: 1,
    session: 'c1',
    requestNumber: 1,
    key: 'r1',
    operation: 'put r1 1',
    seen: 0,
    calledMs: 0,
    returnedMs: 1,
    result: 'ok',
    sendings: 1,
    refusals: 0,
    ...fields,
  }
}

export const daemonOf = (number: number, image: Image): Daemon =>
  newDaemon(image, { pid: 1, number, isImpostor: false, nowMs: 0 })

/** A host whose replica is no more than what a property looks at. */
export function hostWith(replica: object, fields: Partial<HostView> = {}): HostView {
  const [host] = worldOf(3).hosts
  return { ...(host as HostView), ...fields, replica: replica as Replica }
}
