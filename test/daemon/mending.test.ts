/** Closing and opening again, without a disk: in what order, how often, and what ends it. */
import { expect, test } from 'vitest'
import type { Lives } from '../../src/daemon/life.ts'
import { MENDS_MAX, Mending } from '../../src/daemon/mending.ts'
import type { NodeContext } from '../../src/node/context.ts'
import type { Node, NodeLife } from '../../src/node/node.ts'
import { StorageError } from '../../src/storage/port.ts'

const damage = new StorageError('damaged', '/d/n1/db is damaged: entry 3. Keep a copy of /d/n1.')
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

interface World {
  readonly mending: Mending
  readonly done: string[]
  readonly failures: unknown[]
  readonly begin: () => void
}

/** `opens`: what opening the data does. */
function world(opens: () => Promise<void> = async () => undefined): World {
  const done: string[] = []
  const failures: unknown[] = []
  const node = {
    name: 'n1',
    context: {} as NodeContext,
    pause: async () => void done.push('pause'),
    goOn: () => void done.push('goOn'),
  } as unknown as Node
  const lives = {
    open: async () => {
      done.push('open')
      await opens()
      return {} as NodeLife
    },
  } as unknown as Lives
  const log = { warn: () => undefined }
  const mending = new Mending({ log, fail: (error: unknown) => void failures.push(error) } as never)
  return { mending, done, failures, begin: () => mending.ready(node, lives) }
}

test('the node is closed, its data opened again, and it goes on; what is met meanwhile is the same damage', async () => {
  const { mending, done, failures, begin } = world()
  begin()
  mending.damaged(damage)
  mending.damaged(damage)
  await turn()
  expect(done).toEqual(['pause', 'open', 'goOn'])
  expect(mending.mended).toMatchObject({ times: 1, why: '/d/n1/db is damaged: entry 3.' })
  expect(failures).toEqual([])
})

test('damage that was met before there was a node waits for it', async () => {
  const { mending, done, begin } = world()
  mending.damaged(damage)
  await turn()
  expect(done).toEqual([])
  begin()
  await turn()
  expect(done).toEqual(['pause', 'open', 'goOn'])
})

test(`after ${MENDS_MAX} times the process ends as it would have at once`, async () => {
  const { mending, done, failures, begin } = world()
  begin()
  for (let i = 0; i < MENDS_MAX + 2; i++) {
    mending.damaged(damage)
    await turn()
  }
  expect(done.filter(each => each === 'goOn')).toHaveLength(MENDS_MAX)
  expect(failures).toEqual([damage])
})

test('what cannot be opened again ends the process, with its own reason', async () => {
  const full = new StorageError('unwritable', 'the disk is full')
  const { mending, done, failures, begin } = world(() => Promise.reject(full))
  begin()
  mending.damaged(damage)
  await turn()
  expect(done).toEqual(['pause', 'open'])
  expect(failures).toEqual([full])
})

test('a daemon that is stopped meanwhile opens nothing', async () => {
  const { mending, done, failures, begin } = world()
  begin()
  mending.damaged(damage)
  await mending.stop()
  expect(done).toEqual(['pause'])
  mending.damaged(damage)
  await turn()
  expect(done).toEqual(['pause'])
  expect(failures).toEqual([])
})
