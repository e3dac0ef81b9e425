/** What a user's project looks like: compiled and run outside of this repository (package.test.ts). */
import { createNode, type EmbeddedNode, ViewstampError } from 'viewstamp'
import { connect, type KeyValue, type Result } from 'viewstamp/client'
import { defineMachine } from 'viewstamp/machine'
import { assertDeterministic, startCluster } from 'viewstamp/testing'

interface Bank {
  readonly accounts: Record<string, number>
}

const bank = defineMachine<Bank>({
  name: 'bank',
  version: 1,
  init: () => ({ accounts: {} }),
  apply({ accounts }, command, context) {
    const { to, amount } = command as { to: string; amount: number }
    if (amount <= 0) context.reject('NOT_POSITIVE')
    accounts[to] = (accounts[to] ?? 0) + amount
    return { balance: accounts[to] ?? 0 }
  },
  query: ({ accounts }, account) => accounts[String(account)] ?? 0,
})

const [dataDir = '', p2p = '', rpc = ''] = process.argv.slice(2)

function node(): EmbeddedNode {
  const settings = {
    node: { name: 'n1', dataDir },
    cluster: { id: 'embedded', bootstrapExpect: 1 },
    p2p: { listen: [`/ip4/127.0.0.1/tcp/${p2p}`] },
    rpc: { listen: `127.0.0.1:${rpc}` },
    log: { level: 'error' },
    storage: { minFree: '1MiB' },
  }
  return createNode(settings, { machines: [bank] })
}

async function embedded(): Promise<void> {
  const first = node()
  await first.start()
  await first.call('kv.put', { key: 'x', value: { deep: [1, 2] } })
  const paid = await first.call('sm.submit', { machine: 'bank', command: { to: 'a', amount: 5 } })
  const refused = await first
    .call('sm.submit', { machine: 'bank', command: { to: 'a', amount: -1 } })
    .catch((error: unknown) => (error instanceof ViewstampError ? error.outcome : error))
  const client = connect(first.url ?? '')
  const { kv }: { kv: KeyValue | null } = await client.kv.get('x')
  const { shards }: Result<'cluster.status'> = await client.call('cluster.status')
  const views: readonly number[] = shards.map(({ view }) => view)
  const watched: string[] = []
  for await (const { changes } of client.kv.watch({ key: 'x', from: 'first' })) {
    watched.push(...changes.map(({ type }) => type))
    break
  }
  await first.stop()
  await first.finished
  const second = node()
  await second.start()
  const seen: number[] = []
  const watch = second.api.watchKeys({ prefix: '' }, 'first', event => seen.push(event.rev))
  const { result: balance } = await second.call('sm.query', { machine: 'bank', command: 'a' })
  watch.cancel()
  await second.stop()
  say({ paid: paid['result'], refused, kv, views, watched, balance })
}

async function testing(): Promise<void> {
  assertDeterministic(bank, [
    { to: 'a', amount: 1 },
    { to: 'b', amount: -1 },
  ])
  const cluster = await startCluster({ nodes: 3, machines: [bank] })
  await cluster.call('n2', 'kv.put', { key: 'x', value: 1 })
  await cluster.kill('n1')
  await cluster.call('n3', 'kv.put', { key: 'x', value: 2 })
  await cluster.restart('n1')
  const { kv } = await cluster.call('n1', 'kv.get', { key: 'x' })
  await cluster.stop()
  say({ value: (kv as { value: number }).value })
}

const say = (what: object): void => void process.stdout.write(`${JSON.stringify(what)}\n`)

await embedded()
await testing()
