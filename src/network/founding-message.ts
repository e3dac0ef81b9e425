/**
 * What founders say to each other: the whole of what each knows, again and again, so that loss,
 * repetition and reordering do no harm. Pure.
 */

import { FormatError, text, utf8, Writer } from '../base/bytes.ts'
import { digest } from '../base/hash.ts'
import { type PeerAddresses, peersOf } from './address-book.ts'
import { addressesOf, countOf, type Fields, fieldsOf, listOf, peerIdOf, textOf } from './fields.ts'

/** One member-to-be, as it describes itself. */
export interface Founder {
  readonly peerId: string
  readonly name: string
  readonly addresses: readonly string[]
  /** Names this data directory: a node that lost it is another founder. */
  readonly incarnation: string
}

/** What all founders must have been told alike by their operator. */
export interface FoundingTerms {
  readonly clusterId: string
  readonly shards: number
  /** How many founders. */
  readonly expect: number
  /** Peer ids, sorted, when the configuration names the members; undefined: whoever comes. */
  readonly members?: readonly string[] | undefined
}

/** What is agreed on: the terms, and the founders by rising peer id. */
export interface MemberList {
  readonly clusterId: string
  readonly shards: number
  readonly founders: readonly Founder[]
}

/** Everything a founder knows that concerns the others. */
export interface FoundingState {
  readonly type: 'FOUNDING'
  readonly terms: FoundingTerms
  readonly self: Founder
  /** Founding id of the list it would promise; may change. */
  readonly proposal?: string | undefined
  /** The list it has promised, durably and for good. */
  readonly promised?: MemberList | undefined
  /** Where other founders may be. */
  readonly peers: readonly PeerAddresses[]
}

/** The answer of a member of a cluster that exists. */
export interface Founded {
  readonly type: 'FOUNDED'
  readonly clusterId: string
  readonly foundingId: string
  readonly members: readonly { readonly name: string; readonly peerId: string }[]
  /** Under which the asker is known, if it is. */
  readonly yourIncarnation?: string | undefined
}

export type FoundingMessage = FoundingState | Founded

export const FOUNDERS_MAX = 32

/** Names the founding: a hash over the list, which holds the incarnations and so is never the same twice. */
export function foundingIdOf(list: MemberList): string {
  const writer = new Writer().text('viewstamp founding 1').text(list.clusterId).u32(list.shards)
  writer.u32(list.founders.length)
  for (const { peerId, name, addresses, incarnation } of list.founders) {
    writer.text(peerId).text(name).text(incarnation).u32(addresses.length)
    for (const address of addresses) writer.text(address)
  }
  return digest(writer.finish())
}

/** By bytes: peer ids are ASCII. */
export function byPeerId(a: { readonly peerId: string }, b: { readonly peerId: string }): number {
  return a.peerId < b.peerId ? -1 : Number(a.peerId > b.peerId)
}

export const encodeFounding = (message: FoundingMessage): Uint8Array =>
  utf8(JSON.stringify(message))

/** Throws FormatError. */
export function decodeFounding(bytes: Uint8Array): FoundingMessage {
  let value: unknown
  try {
    value = JSON.parse(text(bytes))
  } catch {
    throw new FormatError('not JSON')
  }
  const fields = fieldsOf(value, 'message')
  if (fields['type'] === 'FOUNDING') return stateOf(fields)
  if (fields['type'] === 'FOUNDED') return foundedOf(fields)
  throw new FormatError('not a founding message')
}

function stateOf(fields: Fields): FoundingState {
  const { proposal, promised } = fields
  return {
    type: 'FOUNDING',
    terms: termsOf(fieldsOf(fields['terms'], 'terms')),
    self: founderOf(fields['self']),
    proposal: proposal === undefined ? undefined : textOf(proposal, 'proposal'),
    promised: promised === undefined ? undefined : memberListOf(promised),
    peers: peersOf(fields['peers']),
  }
}

function termsOf(fields: Fields): FoundingTerms {
  const { members } = fields
  const list = { max: FOUNDERS_MAX, item: peerIdOf }
  return {
    clusterId: textOf(fields['clusterId'], 'clusterId'),
    shards: countOf(fields['shards'], 'shards'),
    expect: countOf(fields['expect'], 'expect'),
    members: members === undefined ? undefined : listOf(members, 'members', list),
  }
}

/** Also reads what was promised on disk. Throws FormatError. */
export function memberListOf(value: unknown): MemberList {
  const fields = fieldsOf(value, 'member list')
  const list = { max: FOUNDERS_MAX, item: founderOf }
  const founders = listOf(fields['founders'], 'founders', list)
  for (let i = 1; i < founders.length; i++) {
    const [a, b] = [founders[i - 1], founders[i]]
    if (a === undefined || b === undefined || byPeerId(a, b) >= 0) {
      throw new FormatError('founders are not in order of peer id')
    }
  }
  return {
    clusterId: textOf(fields['clusterId'], 'clusterId'),
    shards: countOf(fields['shards'], 'shards'),
    founders,
  }
}

export function founderOf(value: unknown): Founder {
  const fields = fieldsOf(value, 'founder')
  return {
    peerId: peerIdOf(fields['peerId']),
    name: textOf(fields['name'], 'name'),
    addresses: addressesOf(fields['addresses']),
    incarnation: textOf(fields['incarnation'], 'incarnation'),
  }
}

function foundedOf(fields: Fields): Founded {
  const { yourIncarnation } = fields
  const item = (value: unknown): { name: string; peerId: string } => {
    const member = fieldsOf(value, 'member')
    return { name: textOf(member['name'], 'name'), peerId: peerIdOf(member['peerId']) }
  }
  return {
    type: 'FOUNDED',
    clusterId: textOf(fields['clusterId'], 'clusterId'),
    foundingId: textOf(fields['foundingId'], 'foundingId'),
    members: listOf(fields['members'], 'members', { max: 4 * FOUNDERS_MAX, item }),
    yourIncarnation:
      yourIncarnation === undefined ? undefined : textOf(yourIncarnation, 'yourIncarnation'),
  }
}
