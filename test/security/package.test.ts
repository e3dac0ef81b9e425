/** V39, V40: what is installed comes from the registry, checked; what is published is what is listed. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const ROOT = new URL('../..', import.meta.url)
const read = (name: string) => JSON.parse(readFileSync(new URL(name, ROOT), 'utf8'))

interface Locked {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
}

test('V39 every locked package has a version and a SHA-512, and none an address of its own', () => {
  const packages: Record<string, Locked> = read('package-lock.json').packages
  const names = Object.keys(packages).filter(name => name !== '')
  expect(names.length).toBeGreaterThan(100)
  const wrong = names.filter(name => {
    const { version, resolved, integrity, link } = packages[name] ?? {}
    return (
      link || resolved !== undefined || !version || !/^sha512-[\w+/]{86}==$/.test(integrity ?? '')
    )
  })
  expect(wrong).toEqual([])
})

test('V39 every dependency is of one version, from the registry', () => {
  const { dependencies, devDependencies } = read('package.json')
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    expect(version, name).toMatch(/^\d+\.\d+\.\d+$/)
  }
})

test('V40 the package holds program, README, licence and examples, and runs nothing when installed', () => {
  const said = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [{ files }] = JSON.parse(said) as [{ files: readonly { path: string }[] }]
  const paths = files.map(({ path }) => path)
  const kinds = paths.map(path => (path.startsWith('dist/') ? 'dist/*' : path))
  expect([...new Set(kinds)].sort()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'bin/viewstamp',
    'config/machines/bank.js',
    'dist/*',
    'package.json',
  ])
  expect(paths.filter(path => /\.(ts|key|env|pem)$/.test(path) && !path.endsWith('.d.ts'))).toEqual(
    [],
  )
  const { scripts } = read('package.json')
  for (const hook of ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish']) {
    expect(scripts[hook], hook).toBeUndefined()
  }
})
