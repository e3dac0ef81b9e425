/** A libp2p node that does not play by our rules. */
import { noise } from '@chainsafe/libp2p-noise'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import type { Libp2p } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { type Identity, newIdentity } from '../../src/network/identity.ts'

const strangers: Libp2p[] = []

export async function stranger(identity: Identity = newIdentity()): Promise<Libp2p> {
  const node = await createLibp2p({
    privateKey: privateKeyFromProtobuf(identity.privateKey),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  })
  strangers.push(node)
  return node
}

export async function stopStrangers(): Promise<void> {
  await Promise.all(strangers.splice(0).map(node => node.stop()))
}
