/** Accounts between which is transferred: two keys change at once, and all are looked at in one moment. */
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import { pause } from '../../client/pause.ts'
import type { CheckClient, Question } from './client.ts'
import type { Task } from './workloads.ts'
import type { CheckedNode, World } from './world.ts'

const workload = 'bank'
const ACCOUNTS = 5
const BALANCE = 100
/** After so many operations there is a new bank. */
const USES_MAX = 400
/** Names tried until enough of them lie in one shard. */
const NAMES_MAX = 200
/** Before it is tried again to open one. */
const PAUSE_MS = 100

interface Bank {
  readonly key: string
  readonly accounts: readonly string[]
  uses: number
}

export function banks(world: World): Task {
  const opened: Bank[] = []
  let opening: Promise<unknown> | undefined
  return {
    async step(client) {
      const current = opened.at(-1)
      if (current === undefined || ++current.uses > USES_MAX) {
        opening ??= openNext(world, client, opened).finally(() => {
          opening = undefined
        })
        await opening
        return
      }
      const { status, result } = await client.once(look(current))
      if (status !== 'ok' || !Array.isArray(result) || client.prng.chance(0.3)) return
      const question = transfer(current, client, result.map(Number))
      await (client.prng.chance(0.5) ? client.once(question) : client.plain(question))
    },
    finalReads: () => opened.map(look),
  }
}

async function openNext(world: World, client: CheckClient, opened: Bank[]): Promise<void> {
  const bank = await open(world, client, opened.length)
  if (bank === undefined) await pause(PAUSE_MS)
  else opened.push(bank)
}

async function open(world: World, client: CheckClient, n: number): Promise<Bank | undefined> {
  const key = `${world.prefix}bank/${n}/`
  const accounts = await inOneShard(world, world.anyNode(client.prng), key)
  if (accounts === undefined) return undefined
  const then = accounts.map(account => ({ op: 'put', key: account, value: BALANCE }))
  const question: Question = {
    workload,
    key,
    op: 'open',
    args: [accounts.map(() => BALANCE)],
    method: 'kv.txn',
    params: { then },
    read: answer => ({ rev: Number(answer['rev']) }),
  }
  const { status } = await client.once(question)
  return status === 'fail' ? undefined : { key, accounts, uses: 0 }
}

/** A transaction has one shard; which one a key lies in the answer's header tells. */
async function inOneShard(
  world: World,
  node: CheckedNode,
  key: string,
): Promise<readonly string[] | undefined> {
  const byShard = new Map<string, string[]>()
  for (let i = 0; i < NAMES_MAX; i++) {
    const name = `${key}${i}`
    const params = { key: name, meta: { consistency: 'local' } }
    const answer = await world.call(node, 'kv.get', params).catch(() => undefined)
    if (answer === undefined) return undefined
    const header = answer['header']
    const shard = isObject(header) ? String(header['shard']) : ''
    const names = [...(byShard.get(shard) ?? []), name]
    if (names.length === ACCOUNTS) return names
    byShard.set(shard, names)
  }
  return undefined
}

/** Through the log, like a transfer. */
function look({ key, accounts }: Bank): Question {
  const params = { then: accounts.map(account => ({ op: 'get', key: account })) }
  const read = (answer: JsonObject): { result: Json } => ({ result: balances(answer['results']) })
  return { workload, key, op: 'get', args: [], method: 'kv.txn', params, read }
}

/** null: not opened yet. */
function balances(results: Json | undefined): Json {
  const values = (Array.isArray(results) ? results : []).map(each => {
    const kv = isObject(each) && 'kv' in each ? each['kv'] : each
    return isObject(kv) ? (kv['value'] as Json) : null
  })
  return values.includes(null) ? null : values
}

function transfer(
  { key, accounts }: Bank,
  { prng }: CheckClient,
  has: readonly number[],
): Question {
  const from = prng.int(0, ACCOUNTS - 1)
  const to = (from + prng.int(1, ACCOUNTS - 1)) % ACCOUNTS
  const [fromHas = 0, toHas = 0] = [has[from], has[to]]
  const [fromKey = '', toKey = ''] = [accounts[from], accounts[to]]
  const amount = prng.int(1, 10)
  const equals = (account: string, value: number) => ({
    key: account,
    target: 'value',
    op: '=',
    value,
  })
  const params = {
    compare: [equals(fromKey, fromHas), equals(toKey, toHas)],
    then: [
      { op: 'put', key: fromKey, value: fromHas - amount },
      { op: 'put', key: toKey, value: toHas + amount },
    ],
  }
  const read = (answer: JsonObject) => ({
    rev: Number(answer['rev']),
    result: answer['succeeded'] === true,
  })
  const args = [from, fromHas, to, toHas, amount]
  return { workload, key, op: 'transfer', args, method: 'kv.txn', params, read }
}
