/** Which events lead to each other: strongly connected components (Kosaraju), in time linear in the arrows. */

/** By place, the places that it leads to. */
export type Arrows = readonly (readonly number[])[]

/** By place, the number of its circle; two have the same when each leads to the other. */
export function circlesOf(arrows: Arrows): readonly number[] {
  const seen = new Set<number>()
  const left = arrows.flatMap((_, start) => walk(arrows, start, seen))
  const backwards = reversed(arrows)
  const taken = new Set<number>()
  const circles = arrows.map(() => 0)
  for (const start of left.reverse()) {
    for (const place of walk(backwards, start, taken)) circles[place] = start
  }
  return circles
}

/** Depth first over what was not `seen`, each place when all behind it was. Paths may be long: no recursion. */
function walk(arrows: Arrows, start: number, seen: Set<number>): number[] {
  const left: number[] = []
  const path: { readonly place: number; readonly next: Iterator<number> }[] = []
  const enter = (place: number): void => {
    if (seen.has(place)) return
    seen.add(place)
    path.push({ place, next: (arrows[place] ?? []).values() })
  }
  enter(start)
  for (let end = path.at(-1); end; end = path.at(-1)) {
    const step = end.next.next()
    if (!step.done) enter(step.value)
    else {
      left.push(end.place)
      path.pop()
    }
  }
  return left
}

function reversed(arrows: Arrows): Arrows {
  const all: number[][] = arrows.map(() => [])
  for (const [from, tos] of arrows.entries()) for (const to of tos) all[to]?.push(from)
  return all
}
