/** Where the nodes' time went: own time by function, from the .cpuprofile files of a run. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The `count` costliest functions of every profile in `dir`; idle time is left out of the whole. */
export function hotFunctions(dir, count = 25) {
  const files = readdirSync(dir).filter(file => file.endsWith('.cpuprofile'))
  return files.sort().map(file => {
    const { busy, micros } = ownMicros(JSON.parse(readFileSync(join(dir, file), 'utf8')))
    const sorted = [...micros].sort((a, b) => b[1] - a[1]).slice(0, count)
    const functions = sorted.map(([where, own]) => ({ share: own / busy, where }))
    return { name: file.replace('.cpuprofile', ''), functions }
  })
}

function ownMicros({ nodes, samples, timeDeltas }) {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, place(callFrame)]))
  const micros = new Map()
  let busy = 0
  for (let i = 0; i < samples.length; i++) {
    const where = places.get(samples[i])
    if (where === '(idle)') continue
    busy += timeDeltas[i]
    micros.set(where, (micros.get(where) ?? 0) + timeDeltas[i])
  }
  return { busy, micros }
}

function place({ functionName, url, lineNumber }) {
  const name = functionName === '' ? '(anonymous)' : functionName
  if (url === '') return name
  const short = url.replace(/^file:\/\//, '').replace(/^.*\/(node_modules|src|dist)\//, '$1/')
  return `${name}  ${short}:${lineNumber + 1}`
}
