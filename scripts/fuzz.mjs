/**
 * Every decoder on many inputs (test/fuzz):
 *
 *   npm run fuzz -- [--cases N] [--seed S] [--target NAME] [--coverage]
 *
 * Inputs for which a property does not hold are added to test/fuzz/corpus, which the tests replay.
 * --coverage tells which branches of the decoders no input reached.
 * Exit code: 0 all hold, and none takes longer than it may · 1 otherwise · 2 usage.
 */
import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { branchesMissed } from './fuzz-coverage.mjs'

/** Unless the target says otherwise. */
const SLOW_MS = 50
const CORPUS = new URL('../test/fuzz/corpus/', import.meta.url)
const BUNDLE = 'VIEWSTAMP_FUZZ_BUNDLE'

const options = parse()
const bundle = process.env[BUNDLE]
if (bundle !== undefined) await run(bundle)
else await start()

function parse() {
  const text = { type: 'string' }
  try {
    const { values } = parseArgs({
      options: { cases: text, seed: text, target: text, coverage: { type: 'boolean' } },
    })
    for (const name of ['cases', 'seed']) {
      if (values[name] !== undefined && !Number.isSafeInteger(Number(values[name]))) {
        throw new Error(`--${name} ${values[name]} is not a number`)
      }
    }
    return values
  } catch (error) {
    console.error(`${error.message}\nusage: npm run fuzz -- [--cases N] [--seed S] [--target NAME]`)
    process.exit(2)
  }
}

/** Bundles the targets, and runs them in a process of their own, whose coverage can be had. */
async function start() {
  const folder = mkdtempSync(join(tmpdir(), 'viewstamp-fuzz-'))
  try {
    const outfile = join(folder, 'fuzz.mjs')
    await build({
      entryPoints: ['test/fuzz/main.ts'],
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      outfile,
      banner: {
        js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)",
      },
      logLevel: 'error',
    })
    const covered = join(folder, 'coverage')
    const env = { ...process.env, [BUNDLE]: outfile }
    if (options.coverage) env.NODE_V8_COVERAGE = covered
    const { status } = spawnSync(process.execPath, process.argv.slice(1), { env, stdio: 'inherit' })
    if (options.coverage) for (const line of branchesMissed(covered, outfile)) console.log(line)
    process.exitCode = status ?? 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function run(file) {
  const { TARGETS, casesOf, runTarget } = await import(pathToFileURL(file).href)
  const cases = Number(options.cases ?? 2_000_000)
  const seed = Number(options.seed ?? Math.floor(Date.now() / 1000))
  const chosen = TARGETS.filter(
    ({ name }) => options.target === undefined || name === options.target,
  )
  if (chosen.length === 0) {
    console.error(`no such target; there are ${TARGETS.map(({ name }) => name).join(', ')}`)
    process.exit(2)
  }
  let all = 0
  for (const target of chosen) {
    const share = options.target === undefined ? casesOf(target, cases) : cases
    all += await runOne(runTarget, target, share, seed)
  }
  console.log(`${all} cases with seed ${seed}: ${process.exitCode ? 'FAILED' : 'all hold'}`)
}

async function runOne(runTarget, target, share, seed) {
  const startedMs = performance.now()
  try {
    const { cases, read, slowestMs, slowest } = await runTarget(target, share, seed)
    const slow = slowestMs > (target.msMax ?? SLOW_MS)
    if (slow) process.exitCode = 1
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
    console.log(
      `${target.name.padEnd(14)} ${String(cases).padStart(8)} cases, ${((100 * read) / cases).toFixed(1).padStart(5)} % read, ${seconds.padStart(6)} s, slowest ${slowestMs.toFixed(1)} ms${slow ? ' TOO SLOW' : ''}`,
    )
    if (slow) console.log(JSON.stringify(Buffer.from(slowest).toString().slice(0, 4_000)))
    return cases
  } catch (error) {
    if (error.name !== 'Crash') throw error
    process.exitCode = 1
    const file = new URL(`${error.target}.hex`, CORPUS)
    appendFileSync(file, `${Buffer.from(error.input).toString('hex')}\n`)
    console.log(`${target.name}: ${error.message}\n${error.cause?.stack ?? ''}`)
    console.log(`kept in ${fileURLToPath(file)}`)
    console.log(
      `REPRODUCE: npm run fuzz -- --target ${target.name} --cases ${share} --seed ${seed}`,
    )
    return 0
  }
}
