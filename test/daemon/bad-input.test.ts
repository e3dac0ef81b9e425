/**
 * A cluster of three that is treated badly: by callers, by strangers on its ports, by its disks. Each
 * trouble is one clear sentence with the right code; the healthy daemons stay up, and at the end
 * everything that was acknowledged is there. (Ports and data directories in use, and unknown members of
 * a configuration, are in test/cli/start.test.ts; founding is in founding.test.ts beside this.)
 */
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { PEER_PROTOCOL } from '../../src/network/host.ts'
import { loadIdentity } from '../../src/network/identity.ts'
import { ProgramProcess } from '../cli/program-process.ts'
import { createNode, stopAll, until } from '../network/cluster.ts'
import { stopStrangers, stranger } from '../network/stranger.ts'
import { canMount, mounted } from './mounted.ts'
import { BIN, cli, Daemons, post, RpcError, rpc } from './processes.ts'

let daemons: Daemons
/** What was acknowledged; asked for again at the end. */
const acknowledged = new Map<string, unknown>()

beforeAll(async () => {
  daemons = await Daemons.init()
  await daemons.startAll()
  await daemons.untilWritable()
})
afterAll(() => daemons.destroy())
// A daemon that fell over is the one thing that no test here allows.
afterEach(async () => {
  await stopAll()
  expect([0, 1].filter(i => !daemons.isUp(i))).toEqual([])
  await put(`after/${acknowledged.size}`, 'still served')
})

async function put(key: string, value: unknown, i = 0): Promise<void> {
  await rpc(daemons.url(i), 'kv.put', { key, value })
  acknowledged.set(key, value)
}

const failure = async (call: Promise<unknown>): Promise<RpcError> => {
  const error = await call.then(
    () => undefined,
    reason => reason,
  )
  if (!(error instanceof RpcError)) throw new Error(`no refusal but ${error}`)
  return error
}

const raw = async (body: string) => JSON.parse(await post(`${daemons.url(1)}/rpc`, body))

describe('callers', () => {
  test.each([
    ['JSON that is cut', '{"jsonrpc":"2.0","id":1,"method":', -32700, /JSON/],
    ['no JSON-RPC', '{"hello":"world"}', -32600, /jsonrpc/],
    ['a method that is not there', '{"jsonrpc":"2.0","id":1,"method":"kv.pot"}', -32601, /kv\.pot/],
    ['__proto__ as method', '{"jsonrpc":"2.0","id":1,"method":"__proto__"}', -32601, /__proto__/],
    [
      'a key that is a number',
      '{"jsonrpc":"2.0","id":1,"method":"kv.get","params":{"key":7}}',
      -32602,
      /key/,
    ],
    [
      'nesting',
      `{"jsonrpc":"2.0","id":1,"method":"kv.put","params":["k",${'['.repeat(5000)}${']'.repeat(5000)}]}`,
      -32006,
      /deeper than the limit of 32/,
    ],
    [
      'a batch of 1001',
      JSON.stringify(Array(1001).fill({ jsonrpc: '2.0', id: 1, method: 'system.ping' })),
      -32007,
      /1000/,
    ],
  ])('%s', async (_, body, code, sentence) => {
    const { error } = await raw(body)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(sentence)
    expect(error.data.outcome).toBe('none')
  })

  test('keys and values over the limit, which is named; the same from the command line', async () => {
    const long = await failure(rpc(daemons.url(1), 'kv.put', { key: 'k'.repeat(1025), value: 1 }))
    expect(long.data).toMatchObject({ name: 'TOO_LARGE', outcome: 'none', limit: 1024 })
    expect(long.message).toContain('1024')
    const value = 'v'.repeat(2 ** 20 + 1)
    const large = await failure(rpc(daemons.url(1), 'kv.put', { key: 'k', value }))
    expect(large.data).toMatchObject({ name: 'TOO_LARGE', outcome: 'none', limit: 2 ** 20 })
    const typed = cli(['put', 'k'.repeat(1025), '1', '-e', daemons.url(1)])
    expect(typed.code).toBe(10)
    expect(typed.stderr).toMatch(/^viewstamp: .*1024.*\n$/)
  })

  test('a body over 4 MiB', async () => {
    const { error } = await raw(' '.repeat(2 ** 22 + 1))
    expect(error.data).toMatchObject({ name: 'TOO_LARGE', limit: 2 ** 22 })
  })

  test.each(['__proto__', 'constructor', 'toString', 'ключ 🔑'])(
    '%s is a key like any other, and in values too',
    async key => {
      const value = JSON.parse('{"__proto__":{"polluted":true},"constructor":1}')
      await put(key, value, 2)
      for (const i of [0, 1, 2]) {
        const { kv } = await rpc(daemons.url(i), 'kv.get', { key })
        expect(JSON.stringify(kv.value)).toBe(JSON.stringify(value))
        expect(kv.key).toBe(key)
      }
      expect(cli(['get', key, '-e', daemons.url(0)]).code).toBe(0)
    },
  )
})

describe('the libp2p port', () => {
  const port = (i: number) => daemons.basePort + 10 * i

  /** Sends and waits until the daemon has had enough, or has taken all of it. */
  const throwAt = (i: number, bytes: Uint8Array) =>
    new Promise<void>(done => {
      const socket = connect(port(i), '127.0.0.1')
      socket.on('error', () => done())
      socket.on('close', () => done())
      socket.resume()
      socket.end(bytes)
    })

  test('binary garbage, and half a handshake', async () => {
    const noise = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 2654435761) >>> 24)
    const multistream = new TextEncoder().encode('\x13/multistream/1.0.0\n\x07/noise\n')
    for (const i of [0, 1, 2]) {
      await Promise.all([
        throwAt(i, noise),
        throwAt(i, Uint8Array.of(...multistream, ...noise.subarray(0, 5000))),
        throwAt(i, multistream),
        throwAt(i, new Uint8Array(0)),
      ])
    }
    expect([0, 1, 2].every(i => daemons.isUp(i))).toBe(true)
    await put('garbage', 'ignored', 2)
  })

  test('a stranger is not let in, however often it comes', async () => {
    const rogue = await stranger()
    const { peerId, addresses } = await memberAt(0)
    for (let k = 0; k < 3; k++) {
      const opening = rogue.dialProtocol(multiaddr(`${addresses[0]}/p2p/${peerId}`), PEER_PROTOCOL)
      await expect(opening).rejects.toThrow()
      await until('it is cut', () => rogue.getConnections().length === 0)
    }
    const { peers } = await rpc(daemons.url(0), 'cluster.status')
    expect(peers.map((peer: { name: string }) => peer.name).sort()).toEqual(['n2', 'n3'])
    await stopStrangers()
  })

  test('a member with the data of another cluster is refused by name', async () => {
    await daemons.kill(2)
    const foreign = await createNode({
      name: 'n3',
      identity: await identityOf(2),
      self: { clusterId: 'other' },
    })
    await foreign.start()
    foreign.network.setMembers([await memberAt(0)])
    await until('both know', () => foreign.events.length > 0 && /n3 belongs/.test(daemons.logOf(0)))
    expect(foreign.events[0]).toMatch(/n1 belongs to cluster "demo" and n3 to "other": correct/)
    expect(daemons.logOf(0)).toMatch(/no connection with n3: n3 belongs to cluster \\"other\\"/)
    await stopAll()
    await daemons.start(2)
  })
})

async function memberAt(i: number) {
  const { peerId } = await rpc(daemons.url(i), 'cluster.status')
  return { peerId, addresses: [`/ip4/127.0.0.1/tcp/${daemons.basePort + 10 * i}`] }
}

async function identityOf(i: number) {
  const identity = await loadIdentity(join(daemons.dir, `n${i + 1}`, 'identity.key'))
  if (identity === undefined) throw new Error('no identity')
  return identity
}

/** n3 suffers; n1 and n2 go on. */
describe('a disk', () => {
  const dir = () => join(daemons.dir, 'n3')
  const spare = () => join(daemons.dir, 'spare')

  /** What a start of n3 says and how it ends. */
  async function failedStart(...words: string[]): Promise<{ code: number | null; said: string[] }> {
    const daemon = new ProgramProcess(['start', '--config', daemons.config(2), ...words])
    const code = await daemon.exited
    return {
      code,
      said: daemon.err.split('\n').filter(line => line !== '' && !line.startsWith('{')),
    }
  }

  const refused = (code: number, sentence: RegExp) => ({
    code,
    said: [expect.stringMatching(sentence)],
  })

  async function stopped(spoil: () => void): Promise<void> {
    await daemons.kill(2, 'SIGTERM')
    cpSync(dir(), spare(), { recursive: true })
    spoil()
  }

  async function restored(): Promise<void> {
    rmSync(dir(), { recursive: true, force: true })
    renameSync(spare(), dir())
    await daemons.start(2)
    await daemons.agree()
  }

  test('with less free than storage.minFree: no writes here, reads go on, elsewhere too', async () => {
    await daemons.kill(2, 'SIGTERM')
    const before = readFileSync(daemons.config(2), 'utf8')
    daemons.configure(2, 'storage: { minFree: 1000TiB }')
    await daemons.start(2)
    await put('space/1', 'through n1')
    const error = await failure(rpc(daemons.url(2), 'kv.put', { key: 'space/2', value: 1 }))
    expect(error.data).toMatchObject({ name: 'READ_ONLY', outcome: 'none', reason: 'NO_SPACE' })
    expect(error.message).toMatch(
      /MiB of disk left, less than storage\.minFree .*until there is room/,
    )
    expect((await rpc(daemons.url(2), 'kv.get', { key: 'space/1' })).kv.value).toBe('through n1')
    expect((await rpc(daemons.url(0), 'kv.get', { key: 'space/2' })).kv).toBeNull()
    expect(cli(['put', 'space/2', '1', '-e', daemons.url(2)])).toMatchObject({
      code: 10,
      stderr: expect.stringMatching(/^viewstamp: .*storage\.minFree.*\n$/),
    })
    await daemons.kill(2, 'SIGTERM')
    writeFileSync(daemons.config(2), before)
    await daemons.start(2)
    await daemons.agree()
  })

  test('a file where the data directory should be', async () => {
    await daemons.kill(2, 'SIGTERM')
    const file = join(daemons.dir, 'a-file')
    writeFileSync(file, '')
    for (const place of [file, join(file, 'below')]) {
      expect(await failedStart('--data-dir', place)).toEqual(
        refused(1, /^viewstamp: .*a-file.* a file stands where a directory should be/),
      )
    }
    await daemons.start(2)
  })

  test.runIf(canMount)('a file system that is mounted read-only', async () => {
    await daemons.kill(2, 'SIGTERM')
    const space = await mounted(
      `mount --bind '${dir()}' '${dir()}' && mount -o remount,ro,bind '${dir()}'`,
    )
    const { code, output } = await space.run(`'${BIN}' start --config '${daemons.config(2)}'`)
    await space.end()
    expect(code).toBe(1)
    expect(output.filter(line => !line.startsWith('{'))).toEqual([
      expect.stringMatching(/^viewstamp: Cannot write to .*mounted read-only\. Mount it writable/),
    ])
    await daemons.start(2)
  })

  test('the data of another cluster, or of another node', async () => {
    await daemons.kill(2, 'SIGTERM')
    expect(await failedStart('--cluster', 'other')).toEqual(
      refused(1, /n3 belongs to cluster demo, and this node is configured for cluster other/),
    )
    await stopped(() => cpSync(join(daemons.dir, 'n1/identity.key'), join(dir(), 'identity.key')))
    expect(await failedStart()).toEqual(refused(1, /n3 belongs to peer \S+, and this node is/))
    await restored()
  })

  const database = (ending: RegExp) => {
    const name = readdirSync(join(dir(), 'db')).find(each => ending.test(each))
    if (name === undefined) throw new Error(`no file like ${ending}`)
    return join(dir(), 'db', name)
  }

  test.each<[string, string, () => void]>([
    [
      'a bit flipped in the middle of the log file',
      'repaired',
      () => {
        const file = database(/^\d+\.log$/)
        const bytes = readFileSync(file)
        const middle = bytes.length >> 1
        bytes[middle] = (bytes[middle] ?? 0) ^ 4
        writeFileSync(file, bytes)
      },
    ],
    ['the MANIFEST cut', 'set aside', () => writeFileSync(database(/^MANIFEST/), '')],
    ['the database gone', 'set aside', () => rmSync(join(dir(), 'db'), { recursive: true })],
  ])('%s: %s, and what is lost fetched from the others', async (_, how, spoil) => {
    for (let k = 0; k < 20; k++) await put(`damage/${acknowledged.size}`, 'x'.repeat(300))
    await daemons.agree()
    await stopped(spoil)
    await put(`meanwhile/${acknowledged.size}`, 1, 1)
    await daemons.start(2)
    await daemons.agree()
    const said =
      how === 'repaired'
        ? /n3\/db is damaged at op .* votes for nothing until/
        : /the damaged data is in \S+n3\/lost-\d/
    expect(daemons.logOf(2)).toMatch(said)
    rmSync(spare(), { recursive: true })
  })

  test('wiped, with the identity kept: refused with the command, the cluster loses nothing', async () => {
    await stopped(() => {
      const key = readFileSync(join(dir(), 'identity.key'))
      const config = readFileSync(daemons.config(2))
      rmSync(dir(), { recursive: true })
      mkdirSync(dir())
      writeFileSync(join(dir(), 'identity.key'), key, { mode: 0o600 })
      writeFileSync(daemons.config(2), config)
    })
    expect(await failedStart()).toEqual(refused(9, /n3 .*wiped.*viewstamp recover/))
    const { code, stderr } = cli(['recover', '--data-dir', dir()])
    expect(code).toBe(9)
    expect(stderr).toMatch(/^viewstamp: .*n3 does not tell which cluster.* -e URL/)
    await put('wiped', 'elsewhere', 1)
    await restored()
  })
})

test('what was acknowledged is there, the same on all nodes', async () => {
  await daemons.agree()
  expect(acknowledged.size).toBeGreaterThan(60)
  for (const [key, value] of acknowledged) {
    const { kv } = await rpc(daemons.url(2), 'kv.get', { key })
    expect(JSON.stringify(kv?.value), key).toBe(JSON.stringify(value))
  }
})
