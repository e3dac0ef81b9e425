/** What the runs need of the operating system, each tried once; and shell commands that must succeed. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Set in the process that has namespaces of its own: whatever it mounts and links goes with it. */
export const INSIDE = 'VIEWSTAMP_NEMESIS_INSIDE'

/** Throws with what the command said. */
export function run(command, ...args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (error) throw error
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr.trim() || status}`)
  return stdout
}

function works(command, ...args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

/** Name of a need → a word why it is not met, or undefined. */
const NEEDS = {
  daemons: () => undefined,
  namespaces: () => (process.env[INSIDE] ? undefined : 'needs root (unshare -m -n)'),
  network: () => {
    if (!works('ip', 'link')) return 'needs ip (apt-get install iproute2)'
    return works('iptables', '-S') ? undefined : 'needs iptables (apt-get install iptables)'
  },
  loop: () => {
    if (!works('mkfs.ext4', '-V')) return 'needs mkfs.ext4 (apt-get install e2fsprogs)'
    return loopMounts() ? undefined : 'needs loop devices (mount -o loop)'
  },
}

function loopMounts() {
  const dir = mkdtempSync(join(tmpdir(), 'viewstamp-loop-'))
  const image = join(dir, 'image')
  try {
    run('truncate', '-s', '8M', image)
    run('mkfs.ext4', '-q', image)
    run('mount', '-o', 'loop', image, dir)
    run('umount', dir)
    return true
  } catch {
    return false
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const answers = new Map()

/** Why a run cannot be made here; undefined: it can. */
export function missing(needs) {
  for (const need of needs) {
    if (!answers.has(need)) answers.set(need, NEEDS[need]())
    const answer = answers.get(need)
    if (answer !== undefined) return answer
  }
  return undefined
}

/** Whether this machine gives us namespaces of our own. */
export function canUnshare() {
  return works('unshare', '-m', '-n', 'true')
}

export function output(file, args) {
  return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

const mounts = new Set()

export function mount(what, where, ...options) {
  run('mount', ...options, what, where)
  mounts.add(where)
}

export function unmount(where) {
  run('umount', where)
  mounts.delete(where)
}

/** At the end of the process, however it came: what is mounted hides what is to be removed. */
export function unmountAll() {
  for (const where of [...mounts].reverse()) spawnSync('umount', ['-l', where])
}

export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
