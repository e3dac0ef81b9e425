/** doctor: each thing that may be wrong is told, with the next step; what is well is told too. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Answer, judge } from '../../src/cli/doctor/cluster.ts'
import { access, checkDisk, fileSystem, room, synced } from '../../src/cli/doctor/disk.ts'
import type { Finding } from '../../src/cli/doctor/finding.ts'
import { fileLimit, memory, runtime } from '../../src/cli/doctor/machine.ts'
import { placeOf } from '../../src/cli/doctor/ports.ts'
import { cli } from './command-line.ts'
import { FakeDaemon } from './fake-daemon.ts'

let dir: string
let daemon: FakeDaemon

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'viewstamp-doctor-'))
  chmodSync(dir, 0o700)
  daemon = await FakeDaemon.start()
})
afterEach(async () => {
  await daemon.stop()
  rmSync(dir, { recursive: true })
})

const states = (findings: readonly Finding[]): Record<string, string> =>
  Object.fromEntries(findings.map(({ check, state }) => [check, state]))

test('the machine', () => {
  expect(runtime('20.18.3').state).toBe('fail')
  expect(runtime('20.19.0').state).toBe('ok')
  expect(runtime('24.0.0').state).toBe('ok')
  expect(fileLimit('1024')).toMatchObject({
    state: 'warn',
    next: expect.stringContaining('ulimit'),
  })
  expect(fileLimit('65536').state).toBe('ok')
  expect(fileLimit('unlimited').state).toBe('ok')
  expect(fileLimit(undefined).state).toBe('ok')
  expect(memory(100 * 2 ** 20, 2 ** 33).state).toBe('warn')
  expect(memory(2 ** 32, 2 ** 33).state).toBe('ok')
})

test('a disk: where it is, how full, how fast', () => {
  expect(fileSystem('d', 0xef53).state).toBe('ok')
  expect(fileSystem('d', 0x6969)).toMatchObject({ state: 'warn', detail: 'd is on NFS' })
  expect(fileSystem('d', 0x01021994)).toMatchObject({ state: 'warn', detail: 'd is on tmpfs' })
  expect(room(1, 2).state).toBe('fail')
  expect(room(3, 2).state).toBe('warn')
  expect(room(4, 2).state).toBe('ok')
  expect(synced(Array(100).fill(1)).state).toBe('ok')
  const slow = synced([...Array(90).fill(1), ...Array(10).fill(400)])
  expect(slow).toMatchObject({ state: 'warn', detail: expect.stringContaining('within 400.00 ms') })
})

test('a data directory and its key; nothing is left of the try', async () => {
  expect(access(dir, 0o40700, process.getuid?.() ?? 0).state).toBe('ok')
  expect(access(dir, 0o40755, process.getuid?.() ?? 0)).toMatchObject({ next: `chmod 700 ${dir}` })
  const key = join(dir, 'identity.key')
  writeFileSync(key, 'key', { mode: 0o644 })
  expect(states(await checkDisk(dir, 0))).toMatchObject({ 'identity key': 'fail', disk: 'ok' })
  chmodSync(key, 0o600)
  expect(states(await checkDisk(dir, 0))).toMatchObject({ 'identity key': 'ok' })
  expect(readdirSync(dir)).toEqual(['identity.key'])
  expect(states(await checkDisk(dir, 2 ** 60))).toMatchObject({ disk: 'fail' })
  expect(states(await checkDisk(join(dir, 'not-yet'), 0))).toMatchObject({ disk: 'ok' })
  expect(states(await checkDisk(join(key, 'below'), 0))).toEqual({ 'data directory': 'fail' })
})

test('addresses to listen on', () => {
  expect(placeOf('/ip4/127.0.0.1/tcp/7400')).toEqual(['127.0.0.1:7400'])
  expect(placeOf('/ip6/::1/tcp/7400')).toEqual(['[::1]:7400'])
  expect(placeOf('/ip4/0.0.0.0/tcp/0')).toEqual([])
})

const member = (name: string, more: Partial<Answer> = {}): Answer => ({
  place: { name, endpoint: `http://${name}` },
  version: '0.1.0',
  founding: 'f',
  offsetMs: 3,
  roundTripMs: 1,
  alarms: [],
  health: { nodes: [{ up: true }, { up: true }, { up: true }], quorum: true, faultsTolerated: 1 },
  ...more,
})

test('a cluster that is well, and one with each trouble', () => {
  const well = judge([member('n1'), member('n2'), member('n3')])
  expect(new Set(well.map(({ state }) => state))).toEqual(new Set(['ok']))
  const down = { version: undefined }
  expect(states(judge([member('n1'), member('n2', down)]))).toMatchObject({ n1: 'ok', n2: 'warn' })
  expect(states(judge([member('n1', down)]))).toEqual({ n1: 'warn' })
  const one = member('n1', { health: { nodes: [], quorum: false, faultsTolerated: 0 } })
  expect(states(judge([one]))).toMatchObject({ quorum: 'fail' })
  const last = member('n1', { health: { nodes: [], quorum: true, faultsTolerated: 0 } })
  expect(states(judge([last]))).toMatchObject({ quorum: 'warn' })
  const late = judge([member('n1'), member('n2', { offsetMs: -900 })])
  expect(late.find(({ check }) => check === 'clocks')).toMatchObject({
    state: 'warn',
    detail: '903 ms apart: n1 +3 ms, n2 -900 ms against this machine',
  })
  const old = judge([member('n1'), member('n2', { version: '0.0.9' })])
  expect(states(old)).toMatchObject({ release: 'warn' })
  const other = judge([member('n1'), member('n2', { founding: 'g' })])
  expect(states(other)).toMatchObject({ cluster: 'fail' })
  const full = judge([member('n1', { alarms: ['the disk of n1 is nearly full'] })])
  expect(full).toContainEqual(
    expect.objectContaining({ state: 'fail', detail: 'the disk of n1 is nearly full' }),
  )
})

test('a configuration that is wrong, a port that is taken, no configuration at all', async () => {
  const wrong = join(dir, 'config.yaml')
  writeFileSync(wrong, 'version: 1\nnoode: { name: n1 }\n')
  const endpoint = ['-e', 'http://127.0.0.1:1']
  const bad = await cli(['doctor', '--config', wrong, '--json', ...endpoint])
  expect(bad.code).toBe(1)
  const findings: Finding[] = JSON.parse(bad.out).findings
  expect(findings.find(({ check }) => check === 'configuration')).toMatchObject({
    state: 'fail',
    detail: expect.stringContaining('noode'),
  })
  const taken = createServer(socket => socket.destroy())
  await new Promise<void>(done => taken.listen(0, '127.0.0.1', done))
  const { port } = taken.address() as { port: number }
  const node = join(dir, 'n1')
  mkdirSync(node, { mode: 0o700 })
  const peerId = '12D3KooWGRUkCBGPbRgcQSfEPTmHpPAyDSYbNnbwhWVrvZPqbUAt'
  const text = (rpc: number) => `version: 1
node: { name: n1, dataDir: ${node} }
cluster: { id: demo, members: [{ name: n1, peerId: ${peerId}, addresses: [/ip4/127.0.0.1/tcp/1] }] }
p2p: { listen: [/ip4/127.0.0.1/tcp/0] }
rpc: { listen: '127.0.0.1:${rpc}' }
`
  writeFileSync(join(node, 'config.yaml'), text(port))
  const used = await cli(['doctor', '--dir', node, '-o', 'table'])
  expect(used.code).toBe(1)
  expect(used.out).toContain(`127.0.0.1:${port} is in use by another program`)
  expect(used.out).toContain('→ stop it, or configure another port')
  await new Promise(done => taken.close(done))
  expect(await cli(['doctor', '--dir', join(dir, 'nowhere')])).toMatchObject({ code: 2 })
  mkdirSync(join(dir, 'empty'))
  expect(await cli(['doctor', '--dir', join(dir, 'empty')])).toMatchObject({ code: 2 })
})

test('asks the nodes that are given', async () => {
  const header = {}
  daemon.result('system.version', { version: '0.1.0', node: 'n1', header })
  daemon.result('system.ping', { pong: true, nowMs: Date.now(), header })
  daemon.result('cluster.members', { foundingId: 'f', members: [], header })
  daemon.result('cluster.status', { name: 'n1', peers: [], shards: [], alarms: [], header })
  const nodes = [{ name: 'n1', up: true }]
  daemon.result('cluster.health', { nodes, quorum: true, faultsTolerated: 0, header })
  const { code, out } = await cli(['doctor', '-e', daemon.url, '--json'])
  expect(code).toBe(0)
  expect(states(JSON.parse(out).findings)).toMatchObject({ n1: 'ok', quorum: 'warn', clocks: 'ok' })
})
