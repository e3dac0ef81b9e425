/**
 * What the fuzz targets found: checksums are right and the content is not, as a later version or a bug
 * might leave it. It is refused by the typed error; a witness is none.
 */
import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { fromHex, utf8 } from '../../src/base/bytes.ts'
import { digest } from '../../src/base/hash.ts'
import { decodeVsr, encodeVsr } from '../../src/storage/manifest.ts'
import { decodePeersFile } from '../../src/storage/peers-format.ts'
import { Damage, UnknownFormat } from '../../src/storage/refusal.ts'
import { COPY_BYTES, chooseCopy, encodeCopy } from '../../src/storage/superblock.ts'
import { slotsOf } from '../../src/storage/witness-file.ts'
import { CLUSTER, vsr } from './build.ts'

test('an unknown flag of a vsr record is never «may vote»', () => {
  const recovering = encodeVsr({ ...vsr(3), recovering: true })
  expect(decodeVsr(recovering)).toEqual({ ...vsr(3), recovering: true })
  expect(decodeVsr(encodeVsr({ ...vsr(3), cut: true }))).toEqual({ ...vsr(3), cut: true })
  for (const flag of [0, 3, 255]) {
    const other = Uint8Array.from(recovering)
    other[other.length - 1] = flag
    expect(() => decodeVsr(other)).toThrow(Damage)
  }
})

test.each([
  ['no JSON', '{'],
  ['no object', '[]'],
  ['no members', JSON.stringify({ ...CLUSTER, members: 1 })],
  ['no number of shards', JSON.stringify({ ...CLUSTER, shards: 0 })],
  ['no name', JSON.stringify({ ...CLUSTER, name: 7 })],
])('a superblock whose cluster record is %s', (_, json) => {
  const first = { sequence: 1, parent: '0'.repeat(32), bootCounter: 1, clean: true, floors: [] }
  const good = Buffer.from(encodeCopy({ ...first, cluster: CLUSTER }))
  const record = utf8(JSON.stringify(CLUSTER))
  const at = good.indexOf(record)
  const bytes = Buffer.concat([good.subarray(0, at), utf8(json), good.subarray(at + record.length)])
  bytes.writeUInt32LE(json.length, at - 4)
  const framed = bytes.subarray(0, -16)
  framed.writeUInt32LE(framed.length - 14, 10)
  const copy = Buffer.concat([framed, fromHex(digest(framed))])
  const file = new Uint8Array(4 * COPY_BYTES)
  for (let i = 0; i < 4; i++) file.set(copy, i * COPY_BYTES)
  expect(() => chooseCopy(file)).toThrow(Damage)
})

test.each([
  ['{', Damage],
  ['[]', Damage],
  ['{"format":1}', Damage],
  ['{"format":1,"peers":[7]}', Damage],
  ['{"format":1,"peers":[["id","incarnation",-1]]}', Damage],
  ['{"format":1,"peers":[["id","incarnation",1,2]]}', Damage],
  ['{"format":2,"peers":[["id","incarnation",1,null,7]]}', Damage],
  ['{"format":2,"peers":[["id","incarnation",1,null,[[1,1]]]]}', Damage],
  ['{"format":2,"peers":[["id","incarnation",1,null,[[1,1,-1]]]]}', Damage],
  ['{"format":3,"peers":[]}', UnknownFormat],
])('a peers file with %s', (line, error) => {
  expect(() => decodePeersFile(`${line}\n${digest(utf8(line))}\n`)).toThrow(error)
})

test('a peers file of format 1 knows lives, and no promises', () => {
  const line = '{"format":1,"peers":[["p2","b",3],["p3","c",4,"00ff"]]}'
  const seen = decodePeersFile(`${line}\n${digest(utf8(line))}\n`)
  expect([...seen]).toEqual([
    ['p2', { incarnation: 'b', boot: 3 }],
    ['p3', { incarnation: 'c', boot: 4, nonce: '00ff' }],
  ])
})

test('a witness whose numbers are no counts is none', () => {
  const slot = Buffer.alloc(64)
  slot.writeDoubleLE(1, 8)
  const sealed = (opNumber: number): Buffer => {
    slot.writeDoubleLE(opNumber, 16)
    slot.writeUInt32LE(crc32(slot.subarray(4, 40)), 0)
    return slot
  }
  expect(slotsOf(sealed(5), 1)).toMatchObject([{ opNumber: 5 }])
  for (const wrong of [Number.NaN, -1, 1.5, 2 ** 53]) {
    expect(slotsOf(sealed(wrong), 1)).toEqual([undefined])
  }
})
