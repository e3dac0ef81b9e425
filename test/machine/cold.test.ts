import { describe, expect, test } from 'vitest'
import { createService } from '../../src/machine/compose.ts'
import { KvMachine } from '../../src/machine/kv/kv.ts'
import { encodeOperation } from '../../src/machine/operation.ts'
import { COLD_BYTES_MAX, coldBytes, coldReference, isColdText } from '../../src/vr/cold.ts'
import { Diary, pageId } from './diary.ts'

const context = { opNumber: 1, rev: 1, timeMs: 0, session: 's' }

function written(lines: number) {
  const diary = new Diary()
  const service = createService([new KvMachine(), diary])
  const write = (line: string) => service.execute(encodeOperation('diary', { line }), context, [])
  for (let i = 0; i < lines; i++) write(`line ${i}`)
  return { diary, service, write }
}

describe('a reference', () => {
  test('tells length and content of a text', () => {
    const reference = coldReference('grüß')
    expect(coldBytes(reference)).toBe(6)
    expect(isColdText(reference, 'grüß')).toBe(true)
    expect(isColdText(reference, 'gruß')).toBe(false)
    expect(isColdText(reference, 'grüß ')).toBe(false)
    expect(isColdText('no reference', 'grüß')).toBe(false)
  })

  test('is of text that has one encoding, and that fits a message', () => {
    expect(() => coldReference('\ud800')).toThrow('well-formed')
    expect(isColdText(coldReference('\ufffd'), '\ud800')).toBe(false)
    expect(() => coldReference('x'.repeat(COLD_BYTES_MAX + 1))).toThrow('at most 16 MiB')
  })
})

describe('a machine with cold records', () => {
  test('gives a checkpoint the texts of those made since the last', () => {
    const { service, write } = written(7)
    const first = service.takeDirty()
    expect(first.map(record => record.cold?.text)).toEqual([
      undefined,
      'line 0\nline 1\nline 2',
      'line 3\nline 4\nline 5',
    ])
    for (const { value, cold } of first.filter(record => record.cold !== undefined)) {
      expect(isColdText(value ?? '', cold?.text ?? '')).toBe(true)
    }
    write('line 7')
    expect(service.takeDirty().map(record => record.id)).toEqual(['diary/open'])
  })

  test('counts the bytes of those made since the last', () => {
    const { service, write } = written(6)
    expect(service.coldBytes()).toBe(2 * 'line 0\nline 1\nline 2'.length)
    expect(service.coldBytes()).toBe(2 * 'line 0\nline 1\nline 2'.length)
    service.takeDirty()
    expect(service.coldBytes()).toBe(0)
    for (const line of ['a', 'b', 'c']) write(line)
    expect(service.coldBytes()).toBe('a\nb\nc'.length)
    service.clear()
    expect(service.coldBytes()).toBe(0)
  })

  test('has the same hash and the same records whether the texts are in memory or not', () => {
    const { diary, service, write } = written(8)
    const before = { hash: service.stateHash(), records: [...service.freeze().records(undefined)] }
    service.settle(service.takeDirty().map(record => record.id))
    expect(diary.held).toBe(0)
    const id = `diary/${pageId(0)}`
    expect(service.isCold(id)).toBe(true)
    expect(service.coldText(id)).toBeUndefined()
    expect(service.stateHash()).toBe(before.hash)
    expect([...service.freeze().records(undefined)]).toEqual(before.records)

    const restarted = createService([new KvMachine(), new Diary()])
    for (const record of before.records) restarted.load(record)
    expect(restarted.stateHash()).toBe(before.hash)
    // Both go on, and remove pages that only the disk has.
    const goOn = (line: string) =>
      restarted.execute(encodeOperation('diary', { line }), context, [])
    for (let i = 8; i < 30; i++) {
      write(`line ${i}`)
      goOn(`line ${i}`)
      expect(restarted.stateHash()).toBe(service.stateHash())
    }
    expect(diary.pages[0]).toBe(pageId(6))
  })

  test('settles what was removed meanwhile without a word', () => {
    const { diary, service, write } = written(3)
    const ids = service.takeDirty().map(record => record.id)
    for (let i = 3; i < 40; i++) write(`line ${i}`)
    const { held } = diary
    service.settle(ids)
    expect(diary.held).toBe(held)
    expect(service.takeDirty().find(record => record.id === `diary/${pageId(0)}`)).toEqual({
      id: `diary/${pageId(0)}`,
      value: undefined,
      cold: {},
    })
  })

  test('records of other machines are not cold', () => {
    const { service } = written(1)
    expect(service.isCold('kv/p/00000000')).toBe(false)
    expect(service.isCold('nobody/p/1')).toBe(false)
    expect(service.coldText('nobody/p/1')).toBeUndefined()
  })
})
