/**
 * A snapshot of the whole cluster as this node has executed it. All shards are frozen in one turn of the
 * event loop, each at one op; the frozen views share what does not change, so writes go on while the file
 * is written, slice by slice.
 */
import { present } from '../base/assert.ts'
import { ViewstampError } from '../base/errors.ts'
import type { Store } from '../storage/port.ts'
import type { SnapshotManifest, SnapshotShard } from '../storage/snapshot-format.ts'
import type { SnapshotShelf } from '../storage/snapshot-shelf.ts'
import type { TextOf } from '../storage/snapshot-writer.ts'
import type { ServiceRecord, ServiceSnapshot } from '../vr/service.ts'
import type { Meta, SnapshotInfo } from './api.ts'
import { waitFor } from './calls.ts'
import type { NodeContext } from './context.ts'
import { assertOpen, emit } from './context.ts'
import type { Shard } from './shard.ts'

/** Contexts whose node is writing one. */
const busy = new WeakSet<NodeContext>()

export function shelfOf({ options, cluster }: NodeContext): SnapshotShelf {
  if (options.snapshots !== undefined) return options.snapshots
  const message = `${cluster.name} has no directory for snapshots: ask another node`
  throw new ViewstampError('READ_ONLY', message)
}

export async function createSnapshot(context: NodeContext, meta: Meta): Promise<SnapshotInfo> {
  const shelf = shelfOf(context)
  if (busy.has(context)) {
    const message = `${context.cluster.name} is writing another snapshot: try again when that is done`
    throw new ViewstampError('OVERLOADED', message, { retryable: true })
  }
  busy.add(context)
  try {
    // Everything acknowledged before the call is in it.
    await Promise.all(context.shards.map(shard => waitFor(context, shard, meta)))
    const frozen = context.shards.map(freeze)
    const texts = new FrozenTexts(context.store, context.shards, frozen)
    try {
      const manifest = manifestOf(context, frozen)
      const states = frozen.map(({ state }) => state.records(undefined))
      const admit = (bytes: number) => assertRoom(context, bytes)
      const info = await shelf.add(manifest, states, { admit, textOf: texts.textOf })
      emit(context, { kind: 'snapshot', op: info.op, snapshot: info.snapshot, bytes: info.bytes })
      return info
    } finally {
      texts.release()
    }
  } finally {
    busy.delete(context)
  }
}

interface FrozenShard {
  readonly of: SnapshotShard
  readonly state: ServiceSnapshot
}

/**
 * The texts of cold records of frozen states: from disk, where they are kept until `release`. Those not yet
 * there are taken from memory at once; how many that may be is bounded (checkpointColdBytes).
 */
class FrozenTexts {
  readonly #store: Store
  readonly #releases: readonly (() => void)[]
  readonly #inMemory: readonly ReadonlyMap<string, string>[]
  readonly textOf: TextOf | undefined

  constructor(store: Store, shards: readonly Shard[], frozen: readonly FrozenShard[]) {
    this.#store = store
    this.#releases = shards.map(({ replica }) => store.keepTexts(replica.shard))
    let isAny = false
    this.#inMemory = frozen.map(({ state }, i) => {
      const texts = new Map<string, string>()
      for (const { id } of state.coldRecords()) {
        isAny = true
        const text = shards[i]?.service.coldText(id)
        if (text !== undefined) texts.set(id, text)
      }
      return texts
    })
    if (isAny) this.textOf = (shard, record) => this.#read(shard, record)
  }

  release(): void {
    for (const release of this.#releases) release()
  }

  async #read(shard: number, { id, value = '' }: ServiceRecord): Promise<string> {
    const text =
      this.#inMemory[shard]?.get(id) ?? (await this.#store.readCold(shard, `s${id}`, value))
    return present(text, 'the text of a frozen record is on disk')
  }
}

function freeze({
  replica,
  service,
  name,
  rev,
  timeMs,
  commitChecksum,
  commitLamport,
}: Shard): FrozenShard {
  return {
    of: {
      shard: replica.shard,
      name,
      view: replica.viewNumber,
      op: replica.commitNumber,
      rev,
      timeMs,
      lamport: commitLamport,
      checksum: commitChecksum,
      stateHash: service.stateHash(),
    },
    state: service.freeze(),
  }
}

function manifestOf(context: NodeContext, frozen: readonly FrozenShard[]): SnapshotManifest {
  const { cluster, options, shards } = context
  return {
    cluster: cluster.clusterId,
    founding: cluster.foundingId,
    epoch: shards[0]?.replica.configuration.epochNumber ?? 0,
    node: cluster.name,
    version: options.version,
    createdMs: Date.now(),
    members: cluster.members.map(({ name, peerId }) => ({ name, peerId })),
    machines: shards[0]?.service.machines ?? [],
    shards: frozen.map(({ of }) => of),
  }
}

/** A disk that runs full ends the daemon: a snapshot stops before that. */
async function assertRoom(context: NodeContext, written: number): Promise<void> {
  assertOpen(context)
  const free = await context.store.freeBytes()
  const { minFreeBytes } = context.options
  if (free >= minFreeBytes) return
  const mib = (bytes: number): string => `${Math.floor(bytes / 2 ** 20)} MiB`
  throw new ViewstampError(
    'READ_ONLY',
    `${context.cluster.name} has ${mib(free)} of disk left, less than storage.minFree (${mib(minFreeBytes)}): the snapshot was given up after ${mib(written)}. Free some space, or ask another node`,
    { reason: 'NO_SPACE' },
  )
}
