/**
 * Users' sessions. One is opened in every shard under one name, so that it is good for any key; each shard
 * calls its own by the op that opened it (decision 0002), and the id that the user holds lists these ops:
 * `name@5.9.14`, with one shard `name@5`, the client-id itself. Its numbers count over all shards.
 */
import { randomInt } from 'node:crypto'
import type { Command } from '../vr/entry.ts'
import { requestNumber } from '../vr/terms.ts'
import type { Answer, Header, Meta } from './api.ts'
import type { ExecutedAnswer } from './callers.ts'
import { admitWrite, headerOf, notAnswered, timeoutOf } from './calls.ts'
import type { NodeContext } from './context.ts'
import { shardByName } from './route.ts'
import { clientIdAt, newClientId, opsOf, registerCommand, sessionIdOf } from './session.ts'
import type { Shard } from './shard.ts'

const SESSION_WINDOW = 256

/** In all shards, or in the one that `meta.shard` names. */
export async function openSession(
  context: NodeContext,
  ttlMs: number | undefined,
  meta: Meta,
): Promise<Answer> {
  const name = newClientId()
  const answers = await inShards(shardsFor(context, meta), shard => {
    const wish = { window: SESSION_WINDOW, ttlMs: ttlMs ?? 0 }
    const { clientsMax: clients } = shard.replica.options
    return sessionCall(context, shard, registerCommand(name, { ...wish, clients }), meta)
  })
  const ops = answers.map(({ answer }) => sessionIdOf(answer.result).slice(name.length + 1))
  const result = { session: `${name}@${ops.join('.')}`, nextSeq: 1 }
  return { result, lamport: latestOf(answers), header: answers[0].header }
}

export async function sessionCommand(
  context: NodeContext,
  kind: 'keep-alive' | 'close',
  session: string,
  meta: Meta,
): Promise<Answer> {
  const isInAll = opsOf(session).length === context.shards.length
  const shards = isInAll ? shardsFor(context, meta) : [shardByName(context.shards, meta.shard)]
  const answers = await inShards(shards, shard => {
    const command: Command = {
      kind,
      clientId: clientIdAt(session, context.shards.indexOf(shard), context.shards.length),
      // Repeats of it are harmless: any number that no other call waits with will do.
      requestNumber: requestNumber(Number.MAX_SAFE_INTEGER - randomInt(2 ** 40)),
      ackedNumber: requestNumber(0),
      meta: '',
      operation: new Uint8Array(0),
    }
    return sessionCall(context, shard, command, meta)
  })
  return { result: { session }, lamport: latestOf(answers), header: answers[0].header }
}

function shardsFor({ shards }: NodeContext, meta: Meta): readonly Shard[] {
  return meta.shard === undefined && shards.length > 0 ? shards : [shardByName(shards, meta.shard)]
}

type Told = { readonly answer: ExecutedAnswer; readonly header: Header }

async function inShards(
  shards: readonly Shard[],
  call: (shard: Shard) => Promise<Told>,
): Promise<readonly [Told, ...Told[]]> {
  return (await Promise.all(shards.map(call))) as [Told, ...Told[]]
}

const latestOf = (all: readonly Told[]): number => Math.max(...all.map(each => each.answer.lamport))

async function sessionCall(
  context: NodeContext,
  shard: Shard,
  command: Command,
  meta: Meta,
): Promise<Told> {
  admitWrite(context, shard, meta)
  const { answer } = await shard.callers.call(command, timeoutOf(meta))
  if (answer.type === 'executed') return { answer, header: headerOf(context, shard, answer) }
  throw notAnswered(answer, { ...meta, session: command.clientId }, shard)
}
