/** The built program as a process (`npm test` builds it first). */
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/commands.ts'
import { cli } from './command-line.ts'
import { FakeDaemon, HEADER } from './fake-daemon.ts'

const program = fileURLToPath(new URL('../../bin/viewstamp', import.meta.url))

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

function run(words: readonly string[], input?: string | Buffer): Promise<Ended> {
  return new Promise(done => {
    const child = execFile(
      program,
      words,
      { env: { ...process.env, NO_COLOR: '1' } },
      (error, out, err) => {
        done({ code: error === null ? 0 : Number(error.code), out, err })
      },
    )
    child.stdin?.end(input ?? '')
  })
}

describe('the process', () => {
  let daemon: FakeDaemon
  beforeAll(async () => {
    daemon = await FakeDaemon.start()
    daemon.result('kv.get', { kv: { key: 'x', value: 'v', rev: 1 }, header: HEADER })
    daemon.result('kv.put', { rev: 2, header: HEADER })
    daemon.error('kv.incr', -32001, 'NO_QUORUM')
  })
  afterAll(() => daemon.stop())

  test('exit codes and streams are those of the command', async () => {
    expect(await run(['get', 'x', '-e', daemon.url])).toEqual({ code: 0, out: 'v\n', err: '' })
    expect(await run(['kv', 'incr', 'x', '-e', daemon.url])).toMatchObject({ code: 6, out: '' })
    expect(await run(['get', 'x', '-e', 'http://127.0.0.1:1'])).toMatchObject({ code: 5 })
    expect(await run(['nonsense'])).toMatchObject({ code: 2 })
    expect(await run(['version'])).toMatchObject({ code: 0, err: '' })
  })

  test('a value may come from a pipe; its final newline is the shell’s', async () => {
    expect((await run(['put', 'x', '-e', daemon.url], 'two\nlines\n')).code).toBe(0)
    expect(daemon.calls.at(-1)?.params).toMatchObject({ value: 'two\nlines' })
    await run(
      ['kv', 'import', '-e', daemon.url],
      '{"key":"a","value":1}\n\n{"key":"b","value":null}\n',
    )
    const written = daemon.calls.slice(-2).map(call => call.params)
    expect(written).toMatchObject([
      { key: 'a', value: 1 },
      { key: 'b', value: null },
    ])
  })

  test('what is no text, or cannot be read, is a mistake of the command line; nothing is written', async () => {
    const asked = daemon.calls.length
    const words = [
      ['put', 'x'],
      ['kv', 'txn', '-'],
      ['feed', 'publish', 'f', '-'],
    ]
    for (const each of [...words, ['feed', 'import', 'f']]) {
      const { code, err } = await run(
        [...each, '-e', daemon.url],
        Buffer.from('"\xff\xfe"', 'latin1'),
      )
      expect([code, err]).toEqual([2, expect.stringContaining('standard input is not UTF-8')])
    }
    for (const each of [
      ['kv', 'txn', '/nowhere'],
      ['feed', 'import', 'f', '/nowhere'],
    ]) {
      const { code, err } = await run([...each, '-e', daemon.url])
      expect([code, err]).toEqual([2, expect.stringContaining('/nowhere cannot be read (ENOENT)')])
    }
    const own = daemon.calls.slice(asked).filter(({ method }) => !/^session/.test(method))
    expect(own).toEqual([])
  })

  test('who reads neither data nor messages changes nothing of what is done', async () => {
    const child = spawn(program, ['kv', 'incr', 'x', '-v', '-e', daemon.url], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.destroy()
    child.stderr.destroy()
    const code = await new Promise(done => child.once('exit', done))
    expect(code).toBe(6)
  })

  test('everyday commands load commander and our own code, nothing else', () => {
    const files = readdirSync(join(dist, 'chunks')).filter(name =>
      /^kv-(read|write)-\w+\.js$/.test(name),
    )
    expect(files).toHaveLength(2)
    const loaded = ['cli.js', ...files.map(name => `chunks/${name}`)].flatMap(file => [
      ...closure(file),
    ])
    const packages = loaded.flatMap(file => [
      ...readFileSync(join(dist, file), 'utf8').matchAll(
        /^\/\/ node_modules\/((?:@[^/]+\/)?[^/]+)/gm,
      ),
    ])
    expect(new Set(packages.map(match => match[1]))).toEqual(new Set(['commander']))
  })
})

const dist = fileURLToPath(new URL('../../dist', import.meta.url))

/** The files that a file loads when it is loaded: its static imports, and theirs. */
function closure(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found
  found.add(file)
  const text = readFileSync(join(dist, file), 'utf8')
  for (const [, target = ''] of text.matchAll(/^(?:import|export)[^;]*?"(\.{1,2}\/[^"]+)";$/gm)) {
    closure(join(dirname(file), target), found)
  }
  return found
}

test('help names every command', async () => {
  for (const { usage } of COMMANDS) {
    const words = usage.split(' ').filter(word => !/[<[]/.test(word))
    const { code, out } = await cli([...words, '--help'])
    expect(out).toContain(`Usage: viewstamp ${words.join(' ')}`)
    expect(code).toBe(0)
  }
})

describe('completion', () => {
  test('the bash script parses and completes commands, second words and flags', async () => {
    const { out } = await cli(['completion', 'bash'])
    expect(spawnSync('bash', ['-n'], { input: out }).status).toBe(0)
    const complete = (...words: string[]): string[] => {
      const set = `COMP_WORDS=(${words.map(word => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}`
      const script = `${out}\n${set}; _viewstamp; echo "\${COMPREPLY[@]}"`
      return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split(' ')
    }
    expect(complete('viewstamp', 'st')).toEqual(['standby', 'start', 'status', 'step-down'])
    expect(complete('viewstamp', 'kv', 'in')).toEqual(['incr'])
    expect(complete('viewstamp', '-v', 'kv', 'ls', '--keys')).toEqual(['--keys-only'])
    expect(complete('viewstamp', 'get', '--end')).toEqual(['--endpoint'])
  })

  test.each(['zsh', 'fish'])('the %s script parses where the shell is at hand', async shell => {
    const { code, out } = await cli(['completion', shell])
    expect(code).toBe(0)
    expect(out).toContain('keys-only')
    const checked = existsSync(`/usr/bin/${shell}`)
      ? spawnSync(shell, ['-n'], { input: out }).status
      : 0
    expect(checked).toBe(0)
  })
})
