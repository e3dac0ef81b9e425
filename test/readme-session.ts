/**
 * What the README shows, against what happens. The language of its `console` blocks:
 *
 *   $ command            for a shell; a line that ends in \ goes on in the next
 *   $ command  # in a third terminal      a process of its own, whose output is not compared
 *   anything else        what the command prints; four spaces at its begin continue the line before
 *
 * Text of these kinds may differ from run to run, and stands for one thing throughout: where the README
 * repeats it, the run must repeat it, and in a command it becomes what it stands for.
 */
const VARYING: Readonly<Record<string, RegExp>> = {
  time: /\b\d{13}\b/g,
  hash: /\b[0-9a-f]{32}\b/g,
  pid: /(?<=\bkill -9 )\d+/g,
  directory: /[^\s'"]*\/viewstamp-demo-\w+/g,
}
/** May differ without standing for anything: how far a backup has heard. */
const IDLE = /(?<="commit":)\d+/g

export interface Step {
  readonly command: string
  readonly isApart: boolean
  readonly printed: readonly string[]
}

export function sessionsOf(markdown: string): readonly (readonly Step[])[] {
  return [...markdown.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, block = '']) =>
    stepsOf(block),
  )
}

function stepsOf(block: string): readonly Step[] {
  const [before, ...steps] = block.replace(/\\\n/g, '').split(/^\$ /m)
  if (before !== '') throw new Error(`a block begins with a command, not with ${before}`)
  return steps.map(text => {
    const [command = '', ...printed] = text
      .replace(/\n {4}/g, '')
      .trimEnd()
      .split('\n')
    return { command, isApart: / # in a third terminal$/.test(command), printed }
  })
}

/** What the texts of a README stand for in one run. */
export class Meanings {
  readonly #known = new Map<string, string>()

  /** Throws when the printed text has meant something else before. */
  learn(printed: string, actual: string): void {
    const known = this.#known.get(printed)
    if (known !== undefined && known !== actual) {
      throw new Error(`${printed} was ${known} before, and is ${actual} now`)
    }
    this.#known.set(printed, actual)
  }

  /** The same line with what its texts stand for. */
  apply(line: string): string {
    return Object.values(VARYING).reduce(
      (text, pattern) => text.replace(pattern, found => this.#known.get(found) ?? found),
      line,
    )
  }

  /** What the line must be, once the texts that are new in it are learnt from `actual`. */
  expected(printed: string, actual: string): string {
    for (const pattern of Object.values(VARYING)) {
      const here = printed.match(pattern) ?? []
      const there = actual.match(pattern) ?? []
      if (here.length !== there.length) continue
      for (const [i, text] of here.entries()) this.learn(text, there[i] ?? '')
    }
    return this.apply(printed).replace(IDLE, actual.match(IDLE)?.[0] ?? '$&')
  }

  /** Texts of a kind that the README shows. */
  static shown(kind: keyof typeof VARYING, steps: readonly Step[]): readonly string[] {
    const pattern = VARYING[kind] ?? /$^/g
    const lines = steps.flatMap(step => [step.command, ...step.printed])
    return [...new Set(lines.flatMap(line => line.match(pattern) ?? []))]
  }
}
