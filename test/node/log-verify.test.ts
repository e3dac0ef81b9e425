/** log.verify over all replicas: who differs, from where on, and who was not asked. */
import { afterEach, expect, test } from 'vitest'
import { present } from '../../src/base/assert.ts'
import type { Store } from '../../src/storage/port.ts'
import { StorageError } from '../../src/storage/port.ts'
import type { Entry } from '../../src/vr/entry.ts'
import { checksumOf } from '../../src/vr/terms.ts'
import { TestCluster } from '../support/cluster.ts'

let cluster: TestCluster
afterEach(async () => {
  const { failures } = cluster
  await cluster.stop()
  expect(failures).toEqual([])
})

/** What node `i` reads of its log from now on passes `change`. */
function tamper(i: number, change: (entry: Entry) => Entry): void {
  const disk = cluster.disks[i]
  if (disk === undefined) throw new Error(`no disk ${i}`)
  const open = disk.open.bind(disk)
  disk.open = async () => {
    const store = await open()
    const readEntries: Store['readEntries'] = async (...range) =>
      (await store.readEntries(...range)).map(change)
    return new Proxy(store, {
      get: (target, name) => {
        if (name === 'readEntries') return readEntries
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
}

async function written(count: number): Promise<void> {
  await cluster.start()
  await writtenTo(count)
}

async function writtenTo(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await cluster.put('n1', `k${i % 5}`, i)
  // Read everywhere: by then every replica has executed all of it.
  for (const name of cluster.names) await cluster.get(name, 'k0')
}

const another = (checksum: string) =>
  checksumOf(checksum.replace(/^./, digit => (Number.parseInt(digit, 16) ^ 1).toString(16)))

const forged = (entry: Entry, at: number): Entry => ({
  ...entry,
  checksum: entry.opNumber < at ? entry.checksum : another(entry.checksum),
  parent: entry.opNumber <= at ? entry.parent : another(entry.parent),
})

test('the same on all replicas', async () => {
  cluster = new TestCluster(3)
  await written(20)
  const verdict = await cluster.node('n2').logVerify(true)
  expect(verdict).toMatchObject({ ok: true, first: 1, missing: [] })
  expect(verdict.replicas?.map(({ node, ok }) => [node, ok])).toEqual([
    ['n2', true],
    ['n1', true],
    ['n3', true],
  ])
})

test.each([1, 7, 13, 21])('another history from op %i on is found, and whose it is', async op => {
  cluster = new TestCluster(3)
  tamper(2, entry => forged(entry, op))
  await written(20)
  for (const name of cluster.names) {
    expect(await cluster.node(name).logVerify(true)).toMatchObject({
      ok: false,
      firstBad: op,
      odd: ['n3'],
      what: 'log',
    })
  }
  expect(await cluster.node('n3').logVerify(false)).toMatchObject({ ok: true })
})

test('a chain that is broken, and an entry that cannot be read', async () => {
  cluster = new TestCluster(3)
  tamper(1, entry =>
    entry.opNumber === 9 ? { ...entry, parent: checksumOf('0'.repeat(32)) } : entry,
  )
  tamper(2, entry => {
    if (entry.opNumber === 12) throw new StorageError('damaged', 'entry 12 is damaged')
    return entry
  })
  await written(20)
  expect(await cluster.node('n2').logVerify(false)).toMatchObject({ ok: false, firstBad: 9 })
  expect(await cluster.node('n1').logVerify(true)).toMatchObject({
    ok: false,
    firstBad: 9,
    odd: ['n2', 'n3'],
    replicas: [{ ok: true }, { firstBad: 9 }, { firstBad: 12, why: 'entry 12 is damaged' }],
  })
  // What a look at the log finds is known to the node from then on.
  expect(cluster.failures.splice(0)).toMatchObject([{ message: 'entry 12 is damaged' }])
})

test('a state that differs while the log does not', async () => {
  cluster = new TestCluster(3)
  await cluster.start()
  const service = present(cluster.services.get('n2'), 'n2 has one')
  service.stateHash = () => 'e'.repeat(32)
  await writtenTo(5)
  expect(await cluster.node('n1').logVerify(true)).toMatchObject({
    ok: false,
    odd: ['n2'],
    what: 'state',
  })
})

test('who does not answer is named', async () => {
  cluster = new TestCluster(3)
  await written(5)
  await cluster.stop('n3')
  expect(await cluster.node('n1').logVerify(true)).toMatchObject({ ok: true, missing: ['n3'] })
})
