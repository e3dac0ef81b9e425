/** What two founders may disagree on, each as one sentence that says what to do. Pure. */
import type { FoundingCore } from './founding-core.ts'
import { type FoundingState, foundingIdOf, type MemberList } from './founding-message.ts'

/** Why `theirs` cannot found a cluster with us, or undefined if it can. */
export function disagreement(core: FoundingCore, theirs: FoundingState): string | undefined {
  return (
    termsDiffer(core, theirs) ??
    selfDiffers(core, theirs) ??
    (theirs.promised && promiseDiffers(core, theirs, theirs.promised))
  )
}

function termsDiffer({ self, terms }: FoundingCore, theirs: FoundingState): string | undefined {
  const us = self.name
  const them = theirs.self.name
  if (theirs.terms.clusterId !== terms.clusterId) {
    return `${us} is to found cluster "${terms.clusterId}" and ${them} cluster "${theirs.terms.clusterId}": give both the same cluster id, or do not point them at each other`
  }
  if (theirs.terms.expect !== terms.expect) {
    return `${us} expects ${terms.expect} founders and ${them} expects ${theirs.terms.expect}: give all founders the same --bootstrap-expect`
  }
  if (theirs.terms.shards !== terms.shards) {
    return `${us} is to found ${terms.shards} shards and ${them} ${theirs.terms.shards}: give all founders the same number of shards`
  }
  if ((theirs.terms.members ?? []).join() !== (terms.members ?? []).join()) {
    return `${us} and ${them} have different cluster.members in their configurations: make the lists the same on all founders`
  }
  return undefined
}

function selfDiffers(core: FoundingCore, theirs: FoundingState): string | undefined {
  const { name, peerId } = theirs.self
  const others = [...core.seen.values()].filter(seen => seen.here).map(seen => seen.state.self)
  const namesake = [core.self, ...others].find(
    founder => founder.name === name && founder.peerId !== peerId,
  )
  if (namesake !== undefined) {
    return `two founders are called "${name}" (${namesake.peerId} and ${peerId}): give each node its own --name`
  }
  return undefined
}

function promiseDiffers(
  core: FoundingCore,
  theirs: FoundingState,
  list: MemberList,
): string | undefined {
  const us = core.self.name
  const them = theirs.self.name
  const names = list.founders.map(founder => founder.name).join(', ')
  const { clusterId, expect, shards } = core.terms
  if (list.clusterId !== clusterId || list.shards !== shards || list.founders.length !== expect) {
    return `${them} has promised to found another cluster ("${list.clusterId}" of ${names}): remove its data directory if that founding was given up, and start all founders again`
  }
  const itself = list.founders.find(founder => founder.peerId === theirs.self.peerId)
  if (itself?.incarnation !== theirs.self.incarnation) {
    return `${them} holds a promise of another data directory: remove the data directory of ${them} and start it again`
  }
  const me = list.founders.find(founder => founder.peerId === core.self.peerId)
  if (me === undefined) {
    return `${names} are founding cluster "${clusterId}" without ${us}: add it as a member when it is founded, or stop all founders, remove their data directories and start the right ${expect}`
  }
  if (me.incarnation !== core.self.incarnation || me.name !== core.self.name) {
    return `${them} has promised to found the cluster with an earlier data directory of ${us}: stop all founders that are not founded yet, remove their data directories, and start them again`
  }
  if (core.promisedId !== undefined && core.promisedId !== foundingIdOf(list)) {
    return `${us} and ${them} have promised different member lists, so neither can be founded: stop all founders, remove their data directories, and start the right ${expect} again`
  }
  return undefined
}
