/** A node inside a process: what is told before anything is opened. What it does is in test/package. */
import { expect, test } from 'vitest'
import { createNode } from '../../src/index.ts'

const settings = { node: { name: 'n1', dataDir: 'never-made' } }

test('settings are checked as those of a file, and said to be the program’s', () => {
  expect(() => createNode({ node: { name: 'n1' } })).toThrow(/createNode: node\.dataDir is missing/)
  const misspelt = { ...settings, storge: { minFree: '1MiB' } }
  expect(() => createNode(misspelt)).toThrow(
    /createNode: storge is unknown; did you mean storage\?/,
  )
  const wrong = { ...settings, replication: { heartbeat: 'soon' } }
  expect(() => createNode(wrong)).toThrow(/createNode: replication\.heartbeat .*soon/)
})

test('before its start a node answers nothing, and it is stopped without one', async () => {
  const node = createNode(settings)
  expect(node.name).toBe('n1')
  expect(node.url).toBeUndefined()
  expect(() => node.api).toThrow(/has not started/)
  await expect(node.call('system.ping')).rejects.toMatchObject({ errorName: 'NOT_READY' })
  await node.stop()
  expect(await node.finished).toBeUndefined()
})
