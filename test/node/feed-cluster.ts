/** A cluster whose feeds are tried. `start` in a test; it is stopped, and must not have failed, after each. */
import { afterEach, expect } from 'vitest'
import type { JsonObject } from '../../src/base/json.ts'
import type { FeedFrom } from '../../src/node/api.ts'
import { TestCluster } from '../support/cluster.ts'

export let cluster: TestCluster

/** Once in each file. */
export function stopAfterEach(): void {
  afterEach(async () => {
    const { failures } = cluster
    await cluster.stop()
    expect(failures).toEqual([])
  })
}

export async function start(...given: ConstructorParameters<typeof TestCluster>): Promise<void> {
  cluster = new TestCluster(...given)
  await cluster.start()
}

export const feeds = (node: string) => cluster.node(node).feeds

export async function publish(node: string, feed: string, value: number, more: JsonObject = {}) {
  await feeds(node).ensure([feed], {})
  const record = { feed, value, ...more }
  const { result } = await feeds(node).write(feed, { op: 'publish', record }, {})
  return result as { partition: number; offset: number; duplicate: boolean }
}

export async function read(node: string, feed: string, from: FeedFrom = 'first', waitMs = 0) {
  return feeds(node).read(feed, { from, limit: 1000, waitMs }, {})
}

export const valuesOf = (texts: readonly string[]): unknown[] =>
  texts.map(text => (JSON.parse(text) as JsonObject)['value'])
