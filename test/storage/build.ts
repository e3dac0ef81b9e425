/** What the storage tests build with: a cluster, chains of entries, directories that go away. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createStore, openStore } from '../../src/storage/open.ts'
import type { Store } from '../../src/storage/port.ts'
import type { Entry } from '../../src/vr/entry.ts'
import type { ServiceRecord } from '../../src/vr/service.ts'
import { CLUSTER } from './chain.ts'

export * from './chain.ts'

export const ops = (entries: readonly Entry[]): number[] => entries.map(e => e.opNumber)

export async function records(store: Store, shard = 0): Promise<ServiceRecord[]> {
  const all: ServiceRecord[] = []
  for await (const record of store.readRecords(shard)) all.push(record)
  return all
}

/** Removed when the test ends. */
export async function directory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'viewstamp-storage-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return join(dir, 'data')
}

/** A store in a directory of its own, closed behind the test. */
export async function founded(): Promise<{ dir: string; store: Store }> {
  const dir = await directory()
  await createStore(dir, CLUSTER)
  const store = await openStore(dir)
  onTestFinished(() => store.close())
  return { dir, store }
}

/** Item `i`, which is there. */
export function at<T>(items: readonly T[], i: number): T {
  const item = items.at(i)
  if (item === undefined) throw new Error(`no item ${i}`)
  return item
}
