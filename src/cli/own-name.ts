/** How a user types this program here: what a line to paste must begin with. */
import { realpathSync } from 'node:fs'
import { delimiter, join, relative } from 'node:path'
import { quote } from '../base/shell.ts'

/** `viewstamp` if the shell finds it, else its path, the shorter way. */
export function ownName(program: string, directory: string, searchPath: string): string {
  const own = real(program)
  const found = searchPath
    .split(delimiter)
    .some(place => !place.includes('node_modules') && real(join(place, 'viewstamp')) === own)
  if (found) return 'viewstamp'
  const short = relative(directory, program)
  return quote(short.startsWith('..') ? program : `./${short}`)
}

function real(file: string): string | undefined {
  try {
    return realpathSync(file)
  } catch {
    return undefined
  }
}
