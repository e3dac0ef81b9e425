/** Everything that comes from the disk: LevelDB values, superblock, witness, peers file, identity. */

import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { fromHex, utf8 } from '../../src/base/bytes.ts'
import { digest } from '../../src/base/hash.ts'
import type { Prng } from '../../src/base/prng.ts'
import { identityFrom, newIdentity } from '../../src/network/identity.ts'
import { seal, unseal } from '../../src/storage/envelope.ts'
import { decodeLogKey, logKey } from '../../src/storage/keys.ts'
import { decodeManifest, decodeVsr, encodeManifest, encodeVsr } from '../../src/storage/manifest.ts'
import { decodePeersFile, encodePeersFile } from '../../src/storage/peers-format.ts'
import type { PeerSeen } from '../../src/storage/port.ts'
import { decodeId, encodeId } from '../../src/storage/record-id.ts'
import { Damage, UnknownFormat } from '../../src/storage/refusal.ts'
import {
  COPY_BYTES,
  chooseCopy,
  encodeCopy,
  SUPERBLOCK_BYTES,
} from '../../src/storage/superblock.ts'
import { auditEntry, decodeEntry, decodeText, encodeText } from '../../src/storage/values.ts'
import { slotsOf } from '../../src/storage/witness-file.ts'
import { CLUSTER, chain, checkpointAt, vsr } from '../storage/chain.ts'
import { codecCheck, type Fate, hold, refusedBy, type Target } from './target.ts'

const typed = [Damage, UnknownFormat]
const KEY = logKey(1, 77, 3)

const envelope: Target = {
  name: 'envelope',
  golden: () => [
    seal(KEY, utf8('payload')),
    seal(KEY, new Uint8Array(0)),
    seal(KEY, utf8('a'), KEY),
  ],
  repair: withCrc(0),
  check: codecCheck({
    decode: input => unseal(KEY, Buffer.from(input)),
    encode: payload => seal(KEY, payload),
    typed,
    canonical: true,
  }),
}

/** A crc32 at the beginning, over what follows up to `end`. */
function withCrc(end: number): (input: Uint8Array) => Uint8Array {
  return input => {
    const out = Buffer.from(input)
    if (out.length < 4) return out
    out.writeUInt32LE(crc32(end === 0 ? out.subarray(4) : out.subarray(4, end)), 0)
    return out
  }
}

const ENTRIES = chain(3, { shard: 1, view: 3 })
const MANIFEST = {
  generation: 2,
  checkpoint: checkpointAt(ENTRIES[2] as (typeof ENTRIES)[number]),
  logFirst: 1,
  logLowest: 1,
  swept: 5,
  written: 6,
}

const manifest: Target = {
  name: 'manifest',
  golden: () => [
    encodeManifest(MANIFEST),
    encodeManifest({ ...MANIFEST, generation: 2 ** 32 - 1 }),
  ],
  check: codecCheck({ decode: decodeManifest, encode: encodeManifest, typed, canonical: true }),
}

const vsrRecord: Target = {
  name: 'vsr',
  golden: () => [
    encodeVsr(vsr(9, 8)),
    encodeVsr({ ...vsr(9, 8), recovering: true }),
    encodeVsr({ ...vsr(9, 8), cut: true }),
  ],
  check: codecCheck({ decode: decodeVsr, encode: encodeVsr, typed, canonical: true }),
}

const FIRST = {
  sequence: 1,
  parent: '0'.repeat(32),
  bootCounter: 4,
  clean: true,
  cluster: CLUSTER,
  floors: [0, 1].map(shard => ({
    vsr: vsr(shard),
    witness: { opNumber: 5, checksum: ENTRIES[0]?.checksum as never },
    manifestSequence: 2,
  })),
}
const image = new Uint8Array(SUPERBLOCK_BYTES)

/** One copy, twice in the file, beside another that is whole. */
const superblock: Target = {
  name: 'superblock',
  golden: () => [encodeCopy(FIRST), encodeCopy({ ...FIRST, sequence: 2, clean: false })],
  repair(input) {
    const out = Buffer.from(input)
    if (out.length < 30) return out
    out.set(fromHex(digest(out.subarray(0, out.length - 16))), out.length - 16)
    out.writeUInt32LE(out.length - 30, 10)
    out.set(fromHex(digest(out.subarray(0, out.length - 16))), out.length - 16)
    return out
  },
  check(input) {
    image.fill(0)
    for (const i of [0, 1]) image.set(input.subarray(0, COPY_BYTES), i * COPY_BYTES)
    image.set(encodeCopy(FIRST), 2 * COPY_BYTES)
    return codecCheck({
      decode: file => chooseCopy(file).superblock,
      encode: read => {
        const copy = encodeCopy(read)
        const file = new Uint8Array(SUPERBLOCK_BYTES)
        for (const i of [2, 3]) file.set(copy, i * COPY_BYTES)
        return file
      },
      typed,
      canonical: false,
    })(image)
  },
}

const SLOT = 64
/** Whatever the file holds, it is witnesses or none; a number in it is a count. */
const witness: Target = {
  name: 'witness',
  golden: () => [withCrc(40)(witnessSlot(1, 0)), withCrc(40)(witnessSlot(2, 9))],
  repair: withCrc(40),
  check(input) {
    const found = slotsOf(Buffer.from(input), 2).filter(slot => slot !== undefined)
    for (const { opNumber, sequence } of found) {
      hold(Number.isSafeInteger(opNumber) && opNumber >= 0, 'an op-number is a count')
      hold(Number.isSafeInteger(sequence) && sequence >= 0, 'a sequence is a count')
    }
    return found.length > 0 ? 'read' : 'refused'
  },
}

function witnessSlot(sequence: number, opNumber: number): Buffer {
  const slot = Buffer.alloc(SLOT)
  slot.writeDoubleLE(sequence, 8)
  slot.writeDoubleLE(opNumber, 16)
  return slot
}

const PROMISED = [undefined, { viewNumber: 3, lastNormalView: 2, opNumber: 40 }]
const SEEN = new Map<string, PeerSeen>([
  ['12D3KooWone', { incarnation: 'a', boot: 4 }],
  ['12D3KooWtwo', { incarnation: 'b', boot: 1, nonce: 'c' }],
  ['12D3KooWthree', { incarnation: 'c', boot: 2, promised: PROMISED }],
])

const peersFile: Target = {
  name: 'peers-file',
  golden: () => [SEEN, new Map()].map(seen => Buffer.from(encodePeersFile(seen))),
  repair(input) {
    const [line = ''] = Buffer.from(input).toString().split('\n')
    return Buffer.from(`${line}\n${digest(utf8(line))}\n`)
  },
  check: codecCheck({
    decode: input => decodePeersFile(Buffer.from(input).toString()),
    encode: seen => Buffer.from(encodePeersFile(seen)),
    typed,
    canonical: false,
  }),
}

const CHECKSUM_BYTES = 16
/** What decodes also passes the audit, which reads offsets, and both name the same entry. */
const storedEntry: Target = {
  name: 'stored-entry',
  golden: () =>
    ENTRIES.slice(0, 1).map(({ bytes }) => Buffer.concat([fromHex(digest(bytes)), bytes])),
  repair(input) {
    const bytes = Buffer.from(input).subarray(CHECKSUM_BYTES)
    return Buffer.concat([fromHex(digest(bytes)), bytes])
  },
  check(input) {
    const payload = Buffer.from(input)
    const key = logKey(1, 1, 3)
    for (const read of [decodeEntry, auditEntry]) {
      const places = [1, 2].filter(op => !isRefused(() => read(1, logKey(1, op, 3), payload)))
      hold(places.length <= 1, 'an entry is of one place')
    }
    let decoded: ReturnType<typeof decodeEntry>
    try {
      decoded = decodeEntry(1, key, payload)
    } catch (error) {
      isRefused(() => auditEntry(1, key, payload))
      return refusedBy(error, typed)
    }
    const audited = auditEntry(1, key, payload)
    hold(audited.checksum === decoded.checksum, 'decoding and audit agree on the checksum')
    hold(audited.parent === decoded.parent, 'decoding and audit agree on the parent')
    return 'read'
  },
}

function isRefused(read: () => unknown): boolean {
  try {
    read()
    return false
  } catch (error) {
    return refusedBy(error, typed) === 'refused'
  }
}

const textBytes = (text: string): Buffer => Buffer.concat([...encodeText(text)])

const storedText: Target = {
  name: 'stored-text',
  golden: () => ['plain', 'ключ 🔑', '\ud800 half', '\ufeffmark', ''].map(textBytes),
  check: codecCheck({
    decode: input => decodeText(Buffer.from(input)),
    encode: textBytes,
    typed,
    canonical: false,
  }),
}

/** Any string survives as a key, and keys sort as the strings do. */
const recordId: Target = {
  name: 'record-id',
  golden: prng =>
    fc
      .sample(fc.string({ unit: 'binary' }), { seed: prng.u32() & 0x7fff_ffff, numRuns: 8 })
      .map(each => Buffer.from(each, 'utf16le')),
  check(input): Fate {
    decodeId(Buffer.from(input))
    const text = Buffer.from(input).toString('utf16le')
    const other = text.slice(text.length >> 1)
    hold(decodeId(encodeId(text)) === text, 'an id comes back as it was')
    const order = Buffer.compare(encodeId(text), encodeId(other))
    hold(Math.sign(order) === (text < other ? -1 : Number(text > other)), 'ids sort alike')
    return 'read'
  },
}

const keys: Target = {
  name: 'log-key',
  golden: (prng: Prng) =>
    Array.from({ length: 4 }, () => logKey(prng.int(0, 65_535), prng.u32(), prng.u32())),
  check(input) {
    if (input.length !== KEY.length) return 'refused'
    const { opNumber, viewNumber } = decodeLogKey(Buffer.from(input))
    if (!Number.isSafeInteger(opNumber) || !Number.isSafeInteger(viewNumber)) return 'refused'
    const shard = Buffer.from(input).readUInt16BE(1)
    const again = logKey(shard, opNumber, viewNumber)
    hold(Buffer.compare(again.subarray(1), input.subarray(1)) === 0, 'a key comes back as it was')
    return 'read'
  },
}

const GOOD_KEY = newIdentity()
const identity: Target = {
  name: 'identity',
  golden: () => [GOOD_KEY.privateKey],
  check(input) {
    const found = identityFrom(input)
    if (found === undefined) return 'refused'
    hold(Buffer.compare(found.privateKey, input) === 0, 'a key is kept as it is')
    return 'read'
  },
}

export const STORAGE_TARGETS: readonly Target[] = [
  envelope,
  manifest,
  vsrRecord,
  superblock,
  witness,
  peersFile,
  storedEntry,
  storedText,
  recordId,
  keys,
  identity,
]
