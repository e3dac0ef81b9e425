/** One check from the first call to the last: load, settle, read everything, compare, clean up. */
import { Prng } from '../../base/prng.ts'
import { ViewstampError } from '../../client/error.ts'
import { pause } from '../../client/pause.ts'
import { type Agreement, agreement } from './agree.ts'
import { banks } from './bank.ts'
import { CheckClient, type Question } from './client.ts'
import { counters, lists, registers, type Task } from './workloads.ts'
import type { CheckedNode, World } from './world.ts'

export interface RunOptions {
  readonly durationMs: number
  /** The load is over after so many operations, if its time is not over before. */
  readonly opsMax: number
  readonly clients: number
  readonly seed: number
  /** Leaves the keys where they are. */
  readonly keep: boolean
  /** Goes on beside the load, until the signal; whatever it broke is whole when it resolves. */
  readonly faults: ((signal: AbortSignal) => Promise<void>) | undefined
  readonly told: (phase: string) => void
}

const PAUSE_MS = 50

export async function run(world: World, options: RunOptions): Promise<Agreement> {
  const { durationMs, opsMax, clients: count, seed, keep, faults, told } = options
  const prng = new Prng(seed)
  const clients = Array.from(
    { length: count },
    (_, i) => new CheckClient(world, i, prng.fork(String(i))),
  )
  const up = await answering(world)
  const tasks = [registers(world), counters(world), lists(world), banks(world)]
  const over = new AbortController()
  const broken = faults?.(over.signal)
  const end = world.now() + durationMs
  const isOver = (): boolean => world.now() >= end || world.ops.length >= opsMax
  await Promise.all(clients.map(client => load(client, tasks, isOver)))
  over.abort()
  told('healing')
  await broken
  told('settling')
  await Promise.all(world.unsettled.map(each => settle(world, prng, each)))
  told('reading everything again')
  const questions = tasks.flatMap(task => task.finalReads())
  await Promise.all(clients.map(client => readAll(world, client, questions)))
  told('comparing the nodes')
  const agreed = await agreement(world, up)
  if (!keep) await cleanUp(world, prng)
  return agreed
}

/** Those that answer before anything is broken: they must answer at the end. */
export async function answering(world: World): Promise<readonly CheckedNode[]> {
  const up = await Promise.all(
    world.nodes.map(async node => {
      const answer = await world.call(node, 'system.ping', {}).catch(() => undefined)
      return answer === undefined ? [] : [node]
    }),
  )
  return up.flat()
}

async function load(
  client: CheckClient,
  tasks: readonly Task[],
  isOver: () => boolean,
): Promise<void> {
  const [register, counter, list, bank] = tasks as [Task, Task, Task, Task]
  while (!isOver()) {
    const draw = client.prng.int(1, 100)
    const task = draw <= 45 ? register : draw <= 65 ? counter : draw <= 85 ? list : bank
    await task.step(client)
  }
}

async function settle(
  world: World,
  prng: Prng,
  unsettled: World['unsettled'][number],
): Promise<void> {
  const end = world.now() + world.patienceMs
  while (world.now() < end) {
    const op = await unsettled.again(world.anyNode(prng))
    if (op.status === 'info' && op.error !== 'SESSION_EVICTED') {
      await pause(PAUSE_MS)
      continue
    }
    // A session that is gone settles nothing; everything else does.
    if (op.status !== 'info') world.ops[unsettled.index] = op
    return
  }
}

/** The clients share the questions among them. */
async function readAll(world: World, client: CheckClient, questions: Question[]): Promise<void> {
  const end = world.now() + world.patienceMs
  for (let question = questions.pop(); question !== undefined; question = questions.pop()) {
    let { status } = await client.plain(question)
    while (status !== 'ok' && world.now() < end) status = (await client.plain(question)).status
    if (status !== 'ok') world.unread.push(question.key)
  }
}

/** What cannot be removed is left: keys below the prefix of checks are nobody's. */
async function cleanUp(world: World, prng: Prng): Promise<void> {
  const shards = new Set(world.ops.flatMap(({ shard }) => (shard === undefined ? [] : [shard])))
  for (const shard of shards) {
    const params = { prefix: world.prefix, meta: { shard } }
    try {
      await world.call(world.anyNode(prng), 'kv.del', params)
    } catch (error) {
      if (!(error instanceof ViewstampError)) throw error
      world.notes.push(`keys below ${world.prefix} remain in shard ${shard}: ${error.message}`)
    }
  }
}
