/**
 * recover: a node that lost its data, or must not use what it has, rejoins as a new incarnation. Works on
 * the data directory of a node that is not running; deletes nothing.
 */
import { join, resolve } from 'node:path'
import { readPeerId } from '../../network/identity.ts'
import type { ClusterRecord } from '../../storage/port.ts'
import { recoverStore } from '../../storage/set-aside.ts'
import { memberOf, objects } from '../cluster-nodes.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { UsageError } from '../usage-error.ts'

export const recover: Run = async (context, _args, given) => {
  const text = given.text('dataDir')
  if (text === undefined) throw new UsageError('give --data-dir DIR, that of the node')
  const dir = resolve(text)
  const asked = given.list('endpoint').length > 0 ? await askCluster(context, dir) : undefined
  const { kept, cluster } = await recoverStore(dir, asked)
  const { name, incarnation, members, peerId } = cluster
  const isReplica = members.some(member => member.peerId === peerId)
  const others = isReplica ? Math.floor(members.length / 2) + 1 : 1
  context.output.print({
    whole: { name, incarnation, kept, dataDir: dir },
    people: () =>
      `${name} is prepared to rejoin as a new incarnation; what was in ${dir} is in ${kept}`,
  })
  context.note(
    `Start it as always. It fetches everything as soon as ${others} of the other nodes run, and until then votes for nothing.`,
  )
  return EXIT.ok
}

/** The record that the lost directory no longer has. */
async function askCluster(
  context: Context,
  dir: string,
): Promise<Omit<ClusterRecord, 'incarnation'>> {
  const peerId = await readPeerId(join(dir, 'identity.key'))
  const answer = await context.client().call('cluster.members')
  const nodes = objects(answer['members'])
  const members = nodes.filter(({ role }) => role !== 'standby').map(memberOf)
  const { clusterId, foundingId, shards } = answer
  const itself = nodes.map(memberOf).find(node => node.peerId === peerId)
  if (itself === undefined || typeof foundingId !== 'string' || typeof shards !== 'number') {
    throw new UsageError(
      `the identity in ${dir} (${peerId}) is not a member of the cluster at ${context.endpoints.join(', ')}: members are ${members.map(member => member.name).join(', ')}`,
    )
  }
  return { clusterId: String(clusterId), foundingId, peerId, name: itself.name, members, shards }
}
