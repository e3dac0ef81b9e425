/**
 * Data that earlier versions wrote and bytes that they sent, read by this one: nothing is lost and nothing
 * means anything else. The files of a version are made once, by `node scripts/golden.mjs --write`, and never
 * changed afterwards; a later version adds its own beside them.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import type { Json } from '../../src/base/json.ts'
import { Prng } from '../../src/base/prng.ts'
import { createStore } from '../../src/storage/open.ts'
import { VERSION } from '../../src/version.ts'
import { NETWORK_TARGETS } from '../fuzz/network-targets.ts'
import { chainMeaning, writeChain } from './chain-store.ts'
import { CLUSTER, live, meaningOf, nodeOn } from './life.ts'
import { packed, unpack } from './pack.ts'
import { type Capture, captures, meaningOfBytes, sentAgain } from './wire.ts'

const FOLDER = fileURLToPath(new URL('../fixtures/golden/', import.meta.url))
const isWriting = process.env['VIEWSTAMP_GOLDEN'] === 'write'
const scratch = mkdtempSync(join(tmpdir(), 'viewstamp-golden-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

interface Meaning {
  readonly session: string
  readonly node: Json
  readonly chain: Json
}

test.runIf(isWriting)('writes the files of this version', async () => {
  const to = join(FOLDER, `v${VERSION}`)
  mkdirSync(to, { recursive: true })
  const [node, chain] = [join(scratch, 'node'), join(scratch, 'chain')]
  await createStore(node, CLUSTER)
  const running = await nodeOn(node)
  const session = await live(running)
  const meaning = { session, node: await meaningOf(running, session) }
  await running.stop()
  await writeChain(chain)
  for (const [name, dir] of Object.entries({ node, chain })) {
    writeFileSync(join(to, `${name}.gz`), packed(dir))
  }
  const all: Meaning = { ...meaning, chain: await chainMeaning(chain) }
  writeFileSync(join(to, 'meaning.json'), `${JSON.stringify(all)}\n`)
  const control = Object.fromEntries(
    NETWORK_TARGETS.filter(({ name }) =>
      ['hello', 'hello-answer', 'peers', 'founding'].includes(name),
    )
      .flatMap(target => target.golden(new Prng('golden')))
      .map(bytes => [JSON.parse(Buffer.from(bytes).toString()).type, bytes]),
  )
  const lines = captures(control).map(each => JSON.stringify(each))
  writeFileSync(join(to, 'wire.jsonl'), `${lines.join('\n')}\n`)
})

const versions = readdirSync(FOLDER).filter(name => /^v\d/.test(name))

test.runIf(!isWriting)('there is data of this version or an earlier one', () => {
  expect(versions.length).toBeGreaterThan(0)
})

describe.runIf(!isWriting).each(versions)('%s', version => {
  const file = (name: string): Buffer => readFileSync(join(FOLDER, version, name))
  const meaning = (): Meaning => JSON.parse(file('meaning.json').toString())
  const opened = (name: string): string => {
    const dir = join(scratch, version, name)
    unpack(file(`${name}.gz`), dir)
    return dir
  }

  test('a node goes on with its data: state, log, sessions, machines', async () => {
    const { session, node: expected } = meaning()
    const node = await nodeOn(opened('node'))
    const found = await meaningOf(node, session)
    await node.stop()
    // Answers may have members that they had not when the fixture was made.
    expect(found).toMatchObject(expected as object)
  })

  test('and again after that, with what it wrote itself', async () => {
    const { session, node: expected } = meaning()
    const dir = opened('node')
    const first = await nodeOn(dir)
    await first.write({
      machine: 'kv',
      keys: ['z'],
      body: { op: 'put', key: 'z', value: 1 },
      meta: {},
    })
    await first.stop()
    const second = await nodeOn(dir)
    const found = await meaningOf(second, session)
    await second.stop()
    const { repeated } = expected as { repeated: Json }
    expect(found).toMatchObject({ repeated })
    expect(JSON.stringify(found)).toContain('"key":"z"')
  })

  test('a store with a replaced suffix, a promised view and peers is what it was', async () => {
    expect(await chainMeaning(opened('chain'))).toEqual(meaning().chain)
  })

  test('every message means what it meant, and is sent as it was', () => {
    const seen: Capture[] = file('wire.jsonl')
      .toString()
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(new Set(seen.map(({ type }) => type)).size).toBeGreaterThanOrEqual(21)
    for (const { type, hex, meaning } of seen) {
      expect(meaningOfBytes(type, hex), type).toEqual(meaning)
      expect(sentAgain(type, hex), type).toBe(hex)
    }
  })
})
