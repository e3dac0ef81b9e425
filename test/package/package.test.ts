/** The package as npm packs it, in a project of its own: it resolves, its types compile, it runs. */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freeBase, ROOT } from '../daemon/processes.ts'

let app: string

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

beforeAll(() => {
  app = mkdtempSync(join(tmpdir(), 'viewstamp-package-'))
  const modules = join(app, 'node_modules')
  const packed = join(modules, 'viewstamp')
  mkdirSync(packed, { recursive: true })
  // What `npm install` would do, without a registry: the tarball, and what it depends on.
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', app]
  const [{ filename }] = JSON.parse(execFileSync('npm', pack, { cwd: ROOT, encoding: 'utf8' }))
  execFileSync('tar', ['-xzf', join(app, filename), '-C', packed, '--strip-components=1'])
  for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  }
  cpSync(join(ROOT, 'test/package/consumer.ts'), join(app, 'consumer.ts'))
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', type: 'module' }))
  const compilerOptions = {
    target: 'es2022',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: ['node'],
  }
  writeFileSync(
    join(app, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['consumer.ts'] }),
  )
}, 60_000)

afterAll(() => rmSync(app, { recursive: true, force: true }))

test('every export of the package is there, code and types', () => {
  const packed = join(app, 'node_modules/viewstamp')
  const entries = Object.values(manifest.exports) as {
    types: string
    [condition: string]: string
  }[]
  expect(entries).toHaveLength(4)
  for (const { types, ...codes } of entries) {
    expect(readFileSync(join(packed, types), 'utf8')).not.toMatch(/from '\.[^']*\.ts'/)
    for (const code of Object.values(codes)) {
      expect(readFileSync(join(packed, code), 'utf8')).not.toBe('')
    }
  }
})

test("a user's project compiles strictly, and runs: a node inside it, and a cluster for its tests", async () => {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const compiled = spawnSync(process.execPath, [tsc, '-p', app], { encoding: 'utf8' })
  expect(compiled.stdout).toBe('')
  const base = await freeBase(1)
  const args = [join(app, 'consumer.js'), join(app, 'data'), String(base), String(base + 1)]
  const run = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: app })
  expect(run.stderr).toBe('')
  expect(
    run.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line)),
  ).toEqual([
    {
      paid: { balance: 5 },
      refused: 'none',
      kv: expect.objectContaining({ key: 'x', value: { deep: [1, 2] } }),
      views: [0],
      watched: ['put'],
      balance: 5,
    },
    { value: 2 },
  ])
}, 120_000)
