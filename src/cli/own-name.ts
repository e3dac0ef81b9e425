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
  // npx calls it through a directory of its own, which it may remove: then where it really is.
  const places = own === undefined ? [program] : [program, own]
  const short = places.map(place => relative(directory, place)).find(each => !/^\.\./.test(each))
  return quote(short === undefined ? (own ?? program) : `./${short}`)
}

function real(file: string): string | undefined {
  try {
    return realpathSync(file)
  } catch {
    return undefined
  }
}
