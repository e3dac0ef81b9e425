/** The README's sessions, run as they stand there against a demo; and that what it names exists. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { COMMANDS } from '../src/cli/commands.ts'
import { ProgramProcess } from './cli/program-process.ts'
import { freeBase, ROOT } from './daemon/processes.ts'
import { Meanings, type Step, sessionsOf } from './readme-session.ts'

const README = readFileSync(join(ROOT, 'README.md'), 'utf8')

/** One shell for a whole session, so that a variable lives on. */
class Shell {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(env: Readonly<Record<string, string>>) {
    const stdio = ['pipe', 'pipe', 'inherit'] as const
    this.#child = spawn('bash', [], {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: [...stdio],
    })
    const { stdout } = this.#child
    if (stdout === null) throw new Error('a shell without output')
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
  }

  /** What the command printed, messages included; npm's about its own configuration are not ours. */
  async run(command: string): Promise<string[]> {
    this.#child.stdin?.write(`{ ${command}\n} </dev/null 2>&1; echo "<end>"\n`)
    const printed: string[] = []
    for (;;) {
      const { value, done } = await this.#lines.next()
      if (done) throw new Error(`the shell ended at: ${command}`)
      // Where the output does not end with a line, the end stands behind it.
      const text = value.replace(/<end>$/, '')
      if (!text.startsWith('npm warn') && (text !== '' || value === '')) printed.push(text)
      if (text !== value) return printed
    }
  }

  end(): void {
    this.#child.stdin?.end()
  }
}

/** Ports of the demo that the README speaks of → of the demo that runs here. */
const ported = (text: string, base: number): string =>
  text.replace(/\b74([012][01])\b/g, (_, offset) => String(base + Number(offset)))

/** A command in a terminal of its own. */
function aside(command: string): ChildProcess {
  return spawn('bash', ['-c', `exec ${command}`], { cwd: ROOT, stdio: 'ignore' })
}

async function play(steps: readonly Step[], base: number, meanings: Meanings) {
  // What a person sees on a terminal, and the endpoint that is the default there.
  const shell = new Shell({
    VIEWSTAMP_OUTPUT: 'table',
    VIEWSTAMP_ENDPOINT: ported('http://127.0.0.1:7401', base),
    NO_COLOR: '1',
  })
  const apart: ChildProcess[] = []
  try {
    for (const { command, isApart, printed } of steps) {
      const line = meanings.apply(ported(command, base))
      if (isApart) apart.push(aside(line))
      else {
        const actual = await shell.run(line)
        const expected = printed.map((text, i) =>
          meanings.expected(ported(text, base), actual[i] ?? ''),
        )
        expect(actual, command).toEqual(expected)
      }
    }
  } finally {
    shell.end()
  }
  return apart
}

// Again if the machine is so busy that the demo begins with a view change: views are compared, too.
test('the sessions work as printed', { retry: 2, timeout: 180_000 }, async () => {
  const base = await freeBase(3)
  const demo = new ProgramProcess(['demo', '--base-port', String(base)])
  const apart: ChildProcess[] = []
  let data = ''
  try {
    const [, directory = ''] = await demo.until(/data in (\S+) \(removed at the end\)/)
    data = directory
    const [, pid = ''] = await demo.until(/^ {2}kill -9 (\d+) +# n1, the primary/m)
    const sessions = sessionsOf(README)
    expect(sessions.map(steps => steps.length)).toEqual([8, 4, 5])
    const meanings = new Meanings()
    const steps = sessions.flat()
    expect(steps.filter(step => step.isApart)).toHaveLength(1)
    for (const shown of Meanings.shown('pid', steps)) meanings.learn(shown, pid)
    for (const shown of Meanings.shown('directory', steps)) meanings.learn(shown, directory)
    for (const session of sessions) apart.push(...(await play(session, base, meanings)))
    // The line that starts n1 again is the one that the demo prints.
    const again = steps.find(step => step.isApart)?.command.replace(/ +#.*/, '') ?? ''
    expect(demo.err).toContain(`\n  ${meanings.apply(again)}\n`)
  } finally {
    for (const child of apart) child.kill('SIGKILL')
    await demo.stop('SIGTERM')
    // A demo leaves it to the nodes that were started by hand.
    if (data !== '') rmSync(data, { recursive: true, force: true })
  }
})

test('a text that stands for one thing does not stand for another', () => {
  const meanings = new Meanings()
  const [one, two] = ['1', '2'].map(digit => digit.repeat(32))
  expect(meanings.expected(`${one} at op 4`, `${two} at op 4`)).toBe(`${two} at op 4`)
  expect(() => meanings.expected(`${one} at op 4`, `${one} at op 4`)).toThrow('was 2222')
  expect(meanings.expected('x=13', 'x=14')).toBe('x=13')
  expect(meanings.expected('{"op":2,"commit":2}', '{"op":3,"commit":1}')).toBe(
    '{"op":2,"commit":1}',
  )
})

test('every npm script and every command that it names exists', () => {
  const scripts = [...README.matchAll(/npm\s(?:run\s)?([a-z]+)/g)].map(([, name]) => name)
  expect(scripts.length).toBeGreaterThan(8)
  expect(scripts.filter(name => !Object.hasOwn(manifest.scripts, name ?? ''))).toEqual([])
  const known = COMMANDS.flatMap(({ usage, short }) => [
    usage.replace(/ [<[].*/, ''),
    ...(short ? [short] : []),
  ])
  const named = [...README.matchAll(/(?:npx|bin\/|`)\s?viewstamp\s([a-z-]+(?: [a-z]+)?)/g)].map(
    ([, words = '']) => words,
  )
  expect(named.length).toBeGreaterThan(15)
  const isKnown = (words: string) =>
    known.includes(words) || known.includes(words.split(' ')[0] ?? '')
  expect(named.filter(words => !isKnown(words))).toEqual([])
})

test('lines are 100 columns at most', () => {
  expect(README.split('\n').filter(line => [...line].length > 100)).toEqual([])
})
