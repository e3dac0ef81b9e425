/** What the storage tests build with: a cluster, chains of entries, directories that go away. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Store } from '../../src/storage/port.ts'
import type { Entry } from '../../src/vr/entry.ts'
import type { ServiceRecord } from '../../src/vr/service.ts'

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

/** Item `i`, which is there. */
export function at<T>(items: readonly T[], i: number): T {
  const item = items.at(i)
  if (item === undefined) throw new Error(`no item ${i}`)
  return item
}
