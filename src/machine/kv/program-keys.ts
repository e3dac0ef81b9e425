/** The keys that a program reads or assigns: what decides its shard. */
import { type Expression, parseProgram } from './program.ts'

/** In order of appearance, each once. Throws what parseProgram throws. */
export function programKeys(program: string): string[] {
  const keys = new Set<string>()
  const visit = (e: Expression): void => {
    switch (e.type) {
      case 'number':
        return
      case 'key':
        keys.add(e.key)
        return
      case 'negative':
        return visit(e.of)
      case 'binary':
        visit(e.left)
        visit(e.right)
    }
  }
  for (const { key, value } of parseProgram(program)) {
    keys.add(key)
    visit(value)
  }
  return [...keys]
}
