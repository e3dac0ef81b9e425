/** Views of the state at an earlier op: what came later must not show, whatever it was. */
import { expect, test } from 'vitest'
import { Prng } from '../../../src/base/prng.ts'
import { decodeRecord, type KvRecord } from '../../../src/machine/kv/record.ts'
import { KvStore } from '../../../src/machine/kv/store.ts'
import type { Frozen } from '../../../src/machine/machine.ts'

const recordOf = (rev: number): KvRecord => ({
  text: String(rev),
  rev,
  createRev: rev,
  version: 1,
  expiresMs: 0,
})

const all = (view: Frozen, after?: string) =>
  [...view.records(after)].map(({ id, value }) => [id, value])

test('a view gives what was there, however often the state is cut, written, cleared', () => {
  const prng = new Prng(7)
  const store = new KvStore()
  const now = new Map<string, KvRecord>()
  const views: { view: Frozen; then: [string, number][] }[] = []
  let dirty = new Set<string>()
  for (let rev = 1; rev <= 3000; rev++) {
    const key = `k${prng.int(0, 39)}`
    const after = prng.int(0, 3) === 0 ? undefined : recordOf(rev)
    const before = now.get(key)
    store.replace(key, before, after)
    if (after) now.set(key, after)
    else now.delete(key)
    dirty.add(key)
    const chance = prng.int(0, 59)
    if (chance === 0) {
      const then = [...now].map(([id, { rev: at }]): [string, number] => [id, at])
      views.push({ view: store.freeze(), then: then.sort(([a], [b]) => (a < b ? -1 : 1)) })
    } else if (chance === 1) {
      expect(store.takeDirty()).toEqual([...dirty].sort())
      dirty = new Set()
    } else if (chance === 2 && prng.int(0, 3) === 0) {
      store.clear()
      now.clear()
      dirty = new Set()
    }
  }
  expect(views.length).toBeGreaterThan(30)
  for (const { view, then } of views) {
    const shown = all(view).map(([id, value]) => [id, decodeRecord(String(value)).rev])
    expect(shown).toEqual(then)
    expect(all(view, 'k2')).toEqual(all(view).filter(([id]) => String(id) > 'k2'))
    for (const [id, rev] of then) expect(view.record(id)).toContain(`;${rev};`)
    expect(view.record('k99')).toBeUndefined()
  }
})

test('a key that came later is not in a view', () => {
  const store = new KvStore()
  store.replace('a', undefined, recordOf(1))
  const view = store.freeze()
  store.replace('b', undefined, recordOf(2))
  store.replace('a', recordOf(1), undefined)
  expect(all(view)).toEqual([['a', '1;1;1;1;0;1']])
  expect(view.record('b')).toBeUndefined()
  expect(store.record('a')).toBeUndefined()
  expect(store.takeDirty()).toEqual(['a', 'b'])
  expect(store.takeDirty()).toEqual([])
})
