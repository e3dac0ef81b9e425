import { chmod, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  createIdentity,
  identityFrom,
  loadOrCreateIdentity,
  newIdentity,
  readPeerId,
} from '../../src/network/identity.ts'
import { createSharedKey, readSharedKey } from '../../src/network/shared-key.ts'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'viewstamp-'))
})
const refused = { name: 'NetworkError', reason: 'key-file' }

describe('an identity', () => {
  test('is what libp2p makes of the same key', () => {
    for (let i = 0; i < 20; i++) {
      const { peerId, privateKey } = newIdentity()
      const key = privateKeyFromProtobuf(privateKey)
      expect(peerIdFromPrivateKey(key).toString()).toBe(peerId)
      expect([...privateKeyToProtobuf(key)]).toEqual([...privateKey])
    }
  })

  test('is made once, readable by its owner only, and found again', async () => {
    const file = join(directory, 'key')
    const made = await loadOrCreateIdentity(file)
    expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600')
    expect(await loadOrCreateIdentity(file)).toEqual(made)
    expect(await readPeerId(file)).toBe(made.peerId)
    expect(await readdir(directory)).toEqual(['key'])
  })

  test('is never overwritten', async () => {
    const file = join(directory, 'key')
    await createIdentity(file)
    const before = await readFile(file)
    await expect(createIdentity(file)).rejects.toMatchObject(refused)
    expect(await readFile(file)).toEqual(before)
    expect(await readdir(directory)).toEqual(['key'])
  })

  test.each([0o640, 0o604, 0o660])('with mode %o is refused', async mode => {
    const file = join(directory, 'key')
    await createIdentity(file)
    await chmod(file, mode)
    await expect(loadOrCreateIdentity(file)).rejects.toMatchObject(refused)
  })

  test('that is not a key is refused, and left as it is', async () => {
    const { privateKey } = newIdentity()
    const swapped = Uint8Array.from([
      ...privateKey.subarray(0, 36),
      ...newIdentity().privateKey.subarray(36),
    ])
    for (const bytes of [Buffer.from(''), privateKey.subarray(1), swapped]) {
      const file = join(directory, `key-${bytes.length}-${bytes === swapped}`)
      await writeFile(file, bytes, { mode: 0o600 })
      await expect(loadOrCreateIdentity(file)).rejects.toMatchObject(refused)
      expect((await readFile(file)).length).toBe(bytes.length)
      expect(identityFrom(bytes)).toBeUndefined()
    }
  })

  test('that is missing has no peer id, said in a sentence', async () => {
    await expect(readPeerId(join(directory, 'none'))).rejects.toMatchObject(refused)
  })
})

describe('a pre-shared key', () => {
  test('is of the form that libp2p reads', async () => {
    const file = join(directory, 'psk')
    await createSharedKey(file)
    expect(Buffer.from(await readSharedKey(file)).toString()).toMatch(
      /^\/key\/swarm\/psk\/1\.0\.0\/\n\/base16\/\n[0-9a-f]{64}$/,
    )
  })

  test('that is no key, or missing, is refused', async () => {
    const file = join(directory, 'psk')
    await writeFile(file, 'secret', { mode: 0o600 })
    await expect(readSharedKey(file)).rejects.toMatchObject(refused)
    await expect(readSharedKey(`${file}-none`)).rejects.toMatchObject(refused)
  })
})
