/** Which nodes a chaos command means, and calling each of them at its own endpoint. */
import { isObject, type JsonObject } from '../base/json.ts'
import { ViewstampError } from '../client/error.ts'
import { ask, discover, type KnownNode } from './cluster-nodes.ts'
import type { Context } from './context.ts'
import type { Given } from './given.ts'
import { UsageError } from './usage-error.ts'

/** What one node answered. */
export interface Told {
  readonly name: string
  readonly endpoint: string
  readonly answer: JsonObject | undefined
  readonly error: ViewstampError | undefined
}

const PRIMARY = 'primary'

/** Nodes named as argument or by --node; --all; none: what is usual for the command. */
export async function targets(
  context: Context,
  given: Given,
  argument: string | undefined,
  usual: 'all' | 'called',
): Promise<readonly KnownNode[]> {
  const names = [argument ?? '', ...given.list('node')].filter(text => text !== '').join(',')
  if (names === '' && usual === 'called' && given.flag('all') !== true) {
    return [await calledNode(context)]
  }
  const nodes = await discover(context)
  return names === '' ? nodes : group(context, nodes, names)
}

/** The node that answers at the endpoints given. */
async function calledNode(context: Context): Promise<KnownNode> {
  const nodes = await discover(context)
  const { name } = await context.client().call('cluster.status')
  const found = nodes.find(node => node.name === name)
  if (found === undefined) throw new UsageError(`${name} does not say where it answers`)
  return found
}

/** `n1,n3`; `primary` is whoever is that now. */
export async function group(
  context: Context,
  nodes: readonly KnownNode[],
  names: string,
): Promise<readonly KnownNode[]> {
  const wanted = names.split(',').map(name => name.trim())
  if (wanted.includes(PRIMARY) && !nodes.some(({ name }) => name === PRIMARY)) {
    wanted[wanted.indexOf(PRIMARY)] = await primaryOf(context, nodes)
  }
  return [...new Set(wanted)].map(name => {
    const found = nodes.find(node => node.name === name)
    if (found !== undefined) return found
    const known = nodes.flatMap(node => node.name ?? []).join(', ')
    throw new UsageError(`there is no node '${name}': the nodes are ${known}`)
  })
}

/** Of the highest view: a former one may not know yet that it is none. */
async function primaryOf(context: Context, nodes: readonly KnownNode[]): Promise<string> {
  const found = (await ask(context, nodes)).flatMap(({ name, answer }) =>
    answer.ok
      ? answer.shards
          .slice(0, 1)
          .flatMap(({ isPrimary, view }) => (isPrimary ? [{ name, view }] : []))
      : [],
  )
  const [first] = found.sort((a, b) => b.view - a.view)
  if (first === undefined) throw new UsageError('there is no primary at the moment: name the node')
  return first.name
}

export function callAll(
  context: Context,
  nodes: readonly KnownNode[],
  method: string,
  params: JsonObject = {},
): Promise<readonly Told[]> {
  return Promise.all(
    nodes.map(async ({ name, endpoint }) => {
      const told = { name: name ?? endpoint, endpoint, answer: undefined, error: undefined }
      const who = name === undefined ? {} : { node: name }
      try {
        const answer = await context.client([endpoint]).call(method, { ...params, ...who })
        return { ...told, answer: isObject(answer) ? answer : {} }
      } catch (error) {
        if (!(error instanceof ViewstampError)) throw error
        return { ...told, error }
      }
    }),
  )
}
