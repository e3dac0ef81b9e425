/** The disk, the timers and the callers of a node with faults. The network is in network.ts. */
import { overlay } from '../base/overlay.ts'
import type { NodeApi } from '../node/api.ts'
import type { FeedApi, GroupApi } from '../node/feed-api.ts'
import type { Store } from '../storage/port.ts'
import type { Clock } from './clock.ts'
import type { Faults } from './faults.ts'
import type { Gate } from './gate.ts'

/** Name of the alarm while a fault is in force. */
export const ALARM = 'chaos'

interface Ports {
  readonly faults: Faults
  readonly gate: Gate
  readonly clock: Clock
}

/** A synced batch takes longer; while the node is paused none begins, and none is heard of. */
export function chaosStore(store: Store, { faults, gate, clock }: Ports): Store {
  return overlay<Store>(store, {
    commit: async writes => {
      await gate.passed()
      await store.commit(writes)
      const ms = faults.slowDiskMs
      if (ms > 0) await new Promise<void>(resolve => clock.after(ms, resolve))
      await gate.passed()
    },
    readEntries: async (...where) => {
      const entries = await store.readEntries(...where)
      await gate.passed()
      return entries
    },
  })
}

/** A node's timers, which do not fire while it is paused. */
export function chaosTimers(gate: Gate): (ms: number, run: () => void) => () => void {
  return (ms, run) => {
    const timer = setInterval(() => gate.timer(run), ms)
    return () => clearInterval(timer)
  }
}

type Held = <A extends unknown[], R>(
  call: (...given: A) => Promise<R>,
) => (...given: A) => Promise<R>

function chaosGroups(groups: GroupApi, held: Held): GroupApi {
  return {
    write: held((feed, body, meta) => groups.write(feed, body, meta)),
    create: held((...given: Parameters<GroupApi['create']>) => groups.create(...given)),
    seek: held((...given: Parameters<GroupApi['seek']>) => groups.seek(...given)),
    list: held((feed, meta) => groups.list(feed, meta)),
    info: held((feed, group, meta) => groups.info(feed, group, meta)),
    fetch: held((...given: Parameters<GroupApi['fetch']>) => groups.fetch(...given)),
    nack: held((...given: Parameters<GroupApi['nack']>) => groups.nack(...given)),
  }
}

/** Callers of a paused node wait as those of a stopped process do. What it says of itself is answered. */
export function chaosNode(node: NodeApi, gate: Gate): NodeApi {
  const held =
    <A extends unknown[], R>(call: (...given: A) => Promise<R>) =>
    (...given: A): Promise<R> =>
      gate.isOpen ? call(...given) : gate.passed().then(() => call(...given))
  const { feeds } = node
  return overlay<NodeApi>(node, {
    write: held(call => node.write(call)),
    read: held(call => node.read(call)),
    openSession: held((ttlMs, meta) => node.openSession(ttlMs, meta)),
    keepAliveSession: held((session, meta) => node.keepAliveSession(session, meta)),
    closeSession: held((session, meta) => node.closeSession(session, meta)),
    stateHash: held(meta => node.stateHash(meta)),
    stepDown: held((shard, to, meta) => node.stepDown(shard, to, meta)),
    logRead: held((options, shard) => node.logRead(options, shard)),
    logVerify: held((all, shard) => node.logVerify(all, shard)),
    pollKeys: held((...given: Parameters<NodeApi['pollKeys']>) => node.pollKeys(...given)),
    keyHistory: held((key, options, meta) => node.keyHistory(key, options, meta)),
    feeds: overlay<FeedApi>(feeds, {
      write: held((...given: Parameters<FeedApi['write']>) => feeds.write(...given)),
      create: held((...given: Parameters<FeedApi['create']>) => feeds.create(...given)),
      publishBatch: held((records, meta) => feeds.publishBatch(records, meta)),
      truncate: held((...given: Parameters<FeedApi['truncate']>) => feeds.truncate(...given)),
      list: held((prefix, meta) => feeds.list(prefix, meta)),
      info: held((feed, meta) => feeds.info(feed, meta)),
      read: held((...given: Parameters<FeedApi['read']>) => feeds.read(...given)),
      groups: chaosGroups(feeds.groups, held),
    }),
    // That frames are lost on purpose is no reason to send callers away; that nothing is answered is.
    readiness: () => {
      const checks = node.readiness().checks.filter(({ name }) => name !== ALARM)
      const detail = 'paused; viewstamp chaos resume ends it'
      if (!gate.isOpen) checks.push({ name: ALARM, ok: false, detail })
      return { ready: checks.length > 0 && checks.every(({ ok }) => ok), checks }
    },
  })
}
