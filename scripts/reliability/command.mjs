/**
 * One script as a process group of its own, so that nothing it starts outlives it: at its end, at its time limit
 * and at ours the whole group goes.
 */
import { spawn } from 'node:child_process'

const groups = new Set()
process.on('exit', () => {
  for (const pid of groups) signalGroup(pid, 'SIGTERM')
})

function signalGroup(pid, name) {
  try {
    process.kill(-pid, name)
    return true
  } catch (error) {
    if (error.code === 'ESRCH') return false
    throw error
  }
}

/** Gives { code, out }; out is both streams. Code undefined: it was not over in time. */
export function runScript(words, { limitMs }) {
  const child = spawn(process.execPath, words, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { pid } = child
  groups.add(pid)
  let out = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', part => {
      out += part
    })
  }
  return new Promise((resolve, reject) => {
    let isLate = false
    const late = setTimeout(() => {
      isLate = true
      signalGroup(pid, 'SIGKILL')
    }, limitMs)
    child.once('error', reject)
    child.once('exit', () => {
      clearTimeout(late)
      // Whatever it left would hold our pipes, and the machine.
      if (signalGroup(pid, 'SIGKILL')) out += '\nit left processes behind, which were killed'
      groups.delete(pid)
    })
    child.once('close', code => resolve({ code: isLate ? undefined : (code ?? undefined), out }))
  })
}
