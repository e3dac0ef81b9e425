/** How every run ends: the load stops, the nodes agree, and what was acknowledged is looked for. */

/** Throws when something is not as it must be; gives the figures that all runs have. */
export async function settle(cluster, load, { enough = 200 } = {}) {
  const answeredMs = await cluster.untilWritable()
  await load.stop()
  const agreedMs = await cluster.agree()
  const lost = await load.lost()
  const { acknowledged, unknown, refusals, reads, lies } = load
  const figures = { acknowledged, unknown, refused: refusals, reads, lost }
  if (lost > 0) throw new Lost(lost, `${lost} of ${acknowledged} acknowledged writes are lost`)
  if (lies.length > 0) throw new Error(`${lies.length} answers were not true: ${lies[0]}`)
  if (acknowledged < enough) throw new Error(`only ${acknowledged} writes: the run says nothing`)
  return { ...figures, answered: ms(answeredMs), agreed: ms(agreedMs) }
}

/** What the known-bad control has to end with. */
export class Lost extends Error {
  constructor(count, message) {
    super(message)
    this.count = count
  }
}

export const ms = value => `${Math.round(value)} ms`

/** Of a list of times: the middle and the worst. */
export function times(list) {
  const sorted = [...list].sort((a, b) => a - b)
  return `${Math.round(sorted[sorted.length >> 1])}/${Math.round(sorted.at(-1))} ms`
}
