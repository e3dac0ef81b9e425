/**
 * A node's identity: an Ed25519 key in the file format of libp2p (a protobuf of key type and key),
 * and the peer id that follows from it. Written with node:crypto alone, because `viewstamp init`
 * makes several of them and must not pay for loading libp2p.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { equalBytes } from '../base/bytes.ts'
import { NetworkError } from './error.ts'
import { readSecret, writeSecret } from './secret-file.ts'

export interface Identity {
  readonly peerId: string
  /** As @libp2p/crypto's privateKeyToProtobuf gives it. */
  readonly privateKey: Uint8Array
}

const WHAT = 'the identity key of this node'

/** Reads the key, or makes one on the first start. */
export async function loadOrCreateIdentity(file: string): Promise<Identity> {
  return (await loadIdentity(file)) ?? (await createIdentity(file))
}

/** Makes a new key; an existing file is an error, never overwritten. */
export async function createIdentity(file: string): Promise<Identity> {
  const identity = newIdentity()
  await writeSecret(file, identity.privateKey, WHAT)
  return identity
}

export async function readPeerId(file: string): Promise<string> {
  const identity = await loadIdentity(file)
  if (identity !== undefined) return identity.peerId
  throw new NetworkError(
    'key-file',
    `${file} (${WHAT}) does not exist: run "viewstamp init", or start the node once`,
  )
}

export async function loadIdentity(file: string): Promise<Identity | undefined> {
  const bytes = await readSecret(file, WHAT)
  if (bytes === undefined) return undefined
  const identity = identityFrom(bytes)
  if (identity !== undefined) return identity
  throw new NetworkError(
    'key-file',
    `${file} (${WHAT}) is not an Ed25519 key of libp2p: restore it from a backup; a new key would make this node a stranger to its cluster`,
  )
}

/** A key in memory only. */
export function newIdentity(): Identity {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { d, x } = privateKey.export({ format: 'jwk' })
  const seed = Buffer.from(d ?? '', 'base64url')
  const publicKey = Buffer.from(x ?? '', 'base64url')
  return {
    peerId: peerIdOf(publicKey),
    privateKey: Uint8Array.from([...PRIVATE_HEADER, ...seed, ...publicKey]),
  }
}

/** Protobuf: field 1 (type) = 1 (Ed25519), field 2 (data) of 64 bytes: seed, then public key. */
const PRIVATE_HEADER = Uint8Array.of(0x08, 0x01, 0x12, 0x40)
/** The same for a public key of 32 bytes, inside an identity multihash of 36 bytes. */
const PEER_ID_HEADER = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)

/** Undefined unless the bytes are a key whose public half belongs to its private half. */
export function identityFrom(bytes: Uint8Array): Identity | undefined {
  if (bytes.length !== 68 || !equalBytes(bytes.subarray(0, 4), PRIVATE_HEADER)) return undefined
  const seed = Buffer.from(bytes.subarray(4, 36)).toString('base64url')
  const stored = Buffer.from(bytes.subarray(36)).toString('base64url')
  const key = createPrivateKey({
    key: { kty: 'OKP', crv: 'Ed25519', d: seed, x: stored },
    format: 'jwk',
  })
  if (createPublicKey(key).export({ format: 'jwk' }).x !== stored) return undefined
  return { peerId: peerIdOf(bytes.subarray(36)), privateKey: Uint8Array.from(bytes) }
}

function peerIdOf(publicKey: Uint8Array): string {
  return base58(Uint8Array.from([...PEER_ID_HEADER, ...publicKey]))
}

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

function base58(bytes: Uint8Array): string {
  let value = 0n
  for (const byte of bytes) value = value * 256n + BigInt(byte)
  let out = ''
  for (; value > 0n; value /= 58n) out = ALPHABET.charAt(Number(value % 58n)) + out
  for (const byte of bytes) {
    if (byte !== 0) break
    out = `1${out}`
  }
  return out
}
