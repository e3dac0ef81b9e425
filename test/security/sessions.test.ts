/** Sessions as a hostile caller would name them: through a whole cluster, which must stay whole. */
import { afterEach, expect, test } from 'vitest'
import { TestCluster } from '../support/cluster.ts'

let cluster: TestCluster
afterEach(() => cluster.stop())

async function started(): Promise<{ session: string }> {
  cluster = new TestCluster()
  await cluster.start()
  const opened = await cluster.node('n1').openSession(undefined, {})
  return opened.result as { session: string }
}

const hashes = async (): Promise<unknown[]> => {
  await cluster.put('n1', 'last', 1)
  const all = await Promise.all(cluster.names.map(name => cluster.node(name).stateHash({})))
  return all.map(({ result }) => result)
}

/** The primary would have known another session than the backups, which decode the name. */
test('a byte order mark before the name of a session makes it another one, on every replica', async () => {
  const { session } = await started()
  const meta = { session: `\ufeff${session}`, seq: 1, timeoutMs: 5_000 }
  for (const name of cluster.names) {
    await expect(cluster.put(name, 'k', name, meta)).rejects.toMatchObject({
      errorName: 'SESSION_EVICTED',
    })
  }
  expect(new Set((await hashes()).map(each => JSON.stringify(each))).size).toBe(1)
  expect(await cluster.get('n2', 'k')).toBeUndefined()
  expect(cluster.failures).toEqual([])
})

test('V9 a name longer than the log can hold is refused, and stops no replica', async () => {
  await started()
  for (const session of ['s'.repeat(256), '\u20ac'.repeat(86)]) {
    const meta = { session, seq: 1 }
    const refused = { errorName: 'TOO_LARGE', details: { limit: 255 } }
    await expect(cluster.put('n1', 'k', 1, meta)).rejects.toMatchObject(refused)
    const node = cluster.node('n2')
    await expect(node.keepAliveSession(session, {})).rejects.toMatchObject(refused)
    await expect(node.closeSession(session, {})).rejects.toMatchObject(refused)
  }
  await cluster.put('n1', 'k', 'served')
  expect(await cluster.get('n3', 'k')).toBe('served')
  expect(cluster.failures).toEqual([])
})
