/** Mutants hunted in parallel, each hunter in a thread of its own; those that a test file catches, in a process. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

/** A thread bundles so many mutants: modules are never unloaded. */
const MUTANTS_MAX = 20
/** No seed takes this long: the mutant goes round in circles. */
const SILENT_MS = 120_000
const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))

export class Team {
  #idle = []
  #waiting = []
  #free

  constructor(jobs) {
    this.#free = jobs
  }

  /** Gives { mutant, caught: { kind, by, seeds, seed } | undefined, seconds }. */
  async run(task) {
    await this.#turn()
    const before = performance.now()
    const { mutant } = task
    try {
      const caught = mutant.test ? await runTest(mutant) : await this.#hunt(task)
      const seconds = (performance.now() - before) / 1000
      console.error(
        `${mutant.name}: ${caught ? caught.by : 'NOT CAUGHT'} (${seconds.toFixed(1)} s)`,
      )
      return { mutant, caught, seconds }
    } finally {
      this.#free++
      this.#waiting.shift()?.()
    }
  }

  end() {
    for (const hunter of this.#idle) hunter.end()
  }

  async #turn() {
    if (this.#free === 0) await new Promise(resolve => this.#waiting.push(resolve))
    this.#free--
  }

  async #hunt({ mutant, first, from, seeds }) {
    const { patches, trace, storage } = mutant
    const again =
      first === undefined ? undefined : await this.#one({ patches, storage, from: first, seeds: 1 })
    return again ?? this.#one({ patches, storage, from, seeds, trace })
  }

  async #one(job) {
    const hunter = this.#idle.pop() ?? new Hunter()
    try {
      return await hunter.hunt(job)
    } finally {
      if (hunter.isFit) this.#idle.push(hunter)
      else hunter.end()
    }
  }
}

class Hunter {
  #worker = new Worker(new URL('./hunt.mjs', import.meta.url))
  #hunted = 0
  #isStuck = false
  #job

  constructor() {
    this.#worker.on('error', error => {
      this.#isStuck = true
      this.#settle('reject', error)
    })
    this.#worker.on('message', message => {
      if (message.type === 'done') this.#settle('resolve', message.caught)
      else if (message.type === 'failed') this.#settle('reject', new Error(message.error))
      else this.#watch()
    })
  }

  get isFit() {
    return !this.#isStuck && this.#hunted < MUTANTS_MAX
  }

  end() {
    this.#worker.terminate()
  }

  hunt(job) {
    this.#hunted++
    return new Promise((resolve, reject) => {
      this.#job = { resolve, reject, watch: undefined }
      this.#watch()
      this.#worker.postMessage(job)
    })
  }

  #settle(how, value) {
    clearTimeout(this.#job.watch)
    this.#job[how](value)
  }

  #watch() {
    clearTimeout(this.#job.watch)
    this.#job.watch = setTimeout(() => {
      this.#isStuck = true
      this.#settle('resolve', undefined)
    }, SILENT_MS)
  }
}

/** The test file has to fail, of its own: a file that cannot be loaded catches nothing. */
async function runTest({ name, test }) {
  const config = fileURLToPath(new URL('./vitest.config.mjs', import.meta.url))
  const child = spawn(
    process.execPath,
    [VITEST, 'run', '--config', config, '--reporter=json', test],
    {
      env: { ...process.env, MUTANT: name },
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  let out = ''
  child.stdout.on('data', chunk => {
    out += chunk
  })
  await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  const { numFailedTests, numTotalTests } = JSON.parse(out.slice(out.indexOf('{')))
  if (numTotalTests === 0) throw new Error(`${name}: ${test} could not be loaded`)
  return numFailedTests > 0 ? { kind: 'test', by: test } : undefined
}
