/** A network of its own for each node: a namespace on one bridge, which iptables can cut. */
import { mkdirSync } from 'node:fs'
import { run } from './system.mjs'

const name = i => `n${i + 1}`
export const host = i => `10.77.0.${i + 1}`
/** Ours on the bridge: where proxies listen, and from where they and we call. */
export const BRIDGE_HOST = '10.77.0.254'

/** In our own mount and network namespaces: nobody else sees any of it, and it ends with us. */
export function makeLinks(n) {
  mkdirSync('/run/netns', { recursive: true })
  run('mount', '-t', 'tmpfs', 'tmpfs', '/run/netns')
  run('ip', 'link', 'add', 'bridge', 'type', 'bridge')
  run('ip', 'addr', 'add', `${BRIDGE_HOST}/24`, 'dev', 'bridge')
  run('ip', 'link', 'set', 'bridge', 'up')
  for (let i = 0; i < n; i++) {
    run('ip', 'netns', 'add', name(i))
    run('ip', 'link', 'add', `v${i}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name(i))
    run('ip', 'link', 'set', `v${i}`, 'master', 'bridge', 'up')
    within(i, 'ip', 'addr', 'add', `${host(i)}/24`, 'dev', 'eth0')
    for (const device of ['lo', 'eth0']) within(i, 'ip', 'link', 'set', device, 'up')
  }
}

export function removeLinks(n) {
  for (let i = 0; i < n; i++) {
    // With its namespace it would go as well, but some time later: the next run makes one of that name.
    run('ip', 'link', 'del', `v${i}`)
    run('ip', 'netns', 'del', name(i))
  }
  run('ip', 'link', 'del', 'bridge')
  run('umount', '/run/netns')
}

/** What goes before a command that shall run in the network of node i. */
export const wrap = i => ['ip', 'netns', 'exec', name(i)]

function within(i, ...command) {
  const [file, ...args] = [...wrap(i), ...command]
  return run(file, ...args)
}

/** Packets from one node to the other are lost. */
export function cut(from, to) {
  within(to, 'iptables', '-A', 'INPUT', '-s', host(from), '-j', 'DROP')
}

/** A share of them is. */
export function lose(from, to, share) {
  const some = ['-m', 'statistic', '--mode', 'random', '--probability', String(share)]
  within(to, 'iptables', '-A', 'INPUT', '-s', host(from), ...some, '-j', 'DROP')
}

export function heal(n) {
  for (let i = 0; i < n; i++) within(i, 'iptables', '-F')
}

/** The node hears nobody but us: what its peers want of it goes through our proxies, or not at all. */
export function closeToOthers(i) {
  within(i, 'iptables', '-A', 'INPUT', '-i', 'eth0', '!', '-s', BRIDGE_HOST, '-j', 'DROP')
}

/** Packets of others that found it closed. */
export function knocks(i) {
  const rule = within(i, 'iptables', '-nvxL', 'INPUT')
    .split('\n')
    .find(line => line.includes('DROP'))
  return Number(rule.trim().split(/\s+/)[0])
}
