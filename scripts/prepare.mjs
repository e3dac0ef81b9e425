#!/usr/bin/env node
// Before `npm start` and `npm test`: installs on a fresh clone, builds when the sources are newer.
// Node's own modules only: there may be no packages yet.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  stop(`Node ${process.versions.node} is too old; Viewstamp needs 20.19 or later`)
}
if (timeOf('node_modules/.package-lock.json') < timeOf('package-lock.json')) {
  say('installing packages (npm ci)')
  run(npm(), ['ci', '--no-audit', '--no-fund', '--loglevel=error'], 'npm ci')
}
if (timeOf('dist/cli.js') < newest(['src', 'scripts/build.mjs', 'package.json'])) {
  say('building (scripts/build.mjs)')
  run([process.execPath], ['scripts/build.mjs'], 'the build')
}

/** npm as it was called, so that no other one is picked up from the path. */
function npm() {
  const script = process.env.npm_execpath
  return script?.endsWith('.js') ? [process.execPath, script] : ['npm']
}

function run([command, ...first], rest, what) {
  const { status, error } = spawnSync(command, [...first, ...rest], { cwd: root, stdio: 'inherit' })
  if (error !== undefined) stop(`${what} could not be run: ${error.message}`)
  if (status !== 0) stop(`${what} failed; its messages are above`)
}

/** Milliseconds; 0 for what is not there. */
function timeOf(path) {
  const file = join(root, path)
  return existsSync(file) ? statSync(file).mtimeMs : 0
}

/** When the newest file of these files and folders was changed. */
function newest(paths) {
  let latest = 0
  for (const path of paths) {
    const file = join(root, path)
    latest = Math.max(latest, timeOf(path))
    if (existsSync(file) && statSync(file).isDirectory()) {
      latest = Math.max(latest, newest(readdirSync(file).map(name => join(path, name))))
    }
  }
  return latest
}

function say(what) {
  console.error(`viewstamp: ${what}`)
}

function stop(sentence) {
  say(sentence)
  process.exit(1)
}
