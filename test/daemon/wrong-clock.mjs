/** Loaded before a daemon (`node --import`): its clock is off by what the file CLOCK_OFF_BY says, in ms, at any time. */
import { readFileSync } from 'node:fs'

const LOOK_EVERY_MS = 10
const path = process.env.CLOCK_OFF_BY
const right = Date.now
let [offBy, lookedMs] = [0, Number.NEGATIVE_INFINITY]

Date.now = () => {
  if (performance.now() - lookedMs >= LOOK_EVERY_MS) {
    lookedMs = performance.now()
    offBy = Number(readFileSync(path, 'utf8'))
  }
  return right() + offBy
}
