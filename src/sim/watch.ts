/** Spreads what hosts do to the properties, the coverage, the digest and the report. */
import type { Executed, ReplicaEvent } from '../vr/effect.ts'
import type { Message, ReplyAnswer } from '../vr/message.ts'
import { opOf } from '../vr/state.ts'
import type { Daemon } from './admission.ts'
import { accounts } from './check/accounts.ts'
import { acknowledgedNotLost } from './check/acknowledged-not-lost.ts'
import { acksWereTold } from './check/acks-were-told.ts'
import { answersFit } from './check/answers-fit.ts'
import { asModelled } from './check/as-modelled.ts'
import { bounded } from './check/bounded.ts'
import { chain } from './check/chain.ts'
import { type Check, Violation } from './check/check.ts'
import { commitImmutable } from './check/commit-immutable.ts'
import { commitsAreKnown } from './check/commits-are-known.ts'
import { damageNotUsed } from './check/damage-not-used.ts'
import { diskRestores } from './check/disk-restores.ts'
import { durableOnQuorum } from './check/durable-on-quorum.ts'
import { executedOnce } from './check/executed-once.ts'
import { feedChecks } from './check/feeds.ts'
import { lamport } from './check/lamport.ts'
import { laterViewsNotFollowed } from './check/later-views-not-followed.ts'
import { linearizable } from './check/linearizable.ts'
import { logAgreement } from './check/log-agreement.ts'
import { logBeginsRight } from './check/log-begins-right.ts'
import { lostDataNeverVotes } from './check/lost-data-never-votes.ts'
import { monotonic } from './check/monotonic.ts'
import { noAckAfterVote } from './check/no-ack-after-vote.ts'
import { numbers } from './check/numbers.ts'
import { oldViewsIgnored } from './check/old-views-ignored.ts'
import { oneLogPerView } from './check/one-log-per-view.ts'
import { onePrimaryPerView } from './check/one-primary-per-view.ts'
import { pipelineBound } from './check/pipeline-bound.ts'
import { preparedOnce } from './check/prepared-once.ts'
import { promisesKept } from './check/promises-kept.ts'
import { questionsAreNew } from './check/questions-are-new.ts'
import { readIndexIsHigh } from './check/read-index-is-high.ts'
import { readsAreFresh } from './check/reads-are-fresh.ts'
import { recoveredAbove } from './check/recovered-above.ts'
import { refusedAtViewEnd } from './check/refused-at-view-end.ts'
import { repairedAsWritten } from './check/repaired-as-written.ts'
import { requested } from './check/requested.ts'
import { sameCheckpoints } from './check/same-checkpoints.ts'
import { sameState } from './check/same-state.ts'
import { silentAfterError } from './check/silent-after-error.ts'
import { takesWhatFits } from './check/takes-what-fits.ts'
import { viewFromQuorum } from './check/view-from-quorum.ts'
import { viewsByVote } from './check/views-by-vote.ts'
import type { Coverage } from './coverage.ts'
import type { Digest } from './digest.ts'
import type { Job } from './disk.ts'
import { CLUSTER } from './disk.ts'
import type { Operation } from './history.ts'
import type { Reporting } from './report.ts'
import type { ReadServed, Watch } from './surroundings.ts'
import type { HostView, World } from './world.ts'

/** The first fixes what is committed; the others compare with it. */
export function safetyChecks(world: World): Check[] {
  return [
    logAgreement(world),
    chain(world, CLUSTER),
    durableOnQuorum(world),
    commitImmutable(world),
    acknowledgedNotLost(world),
    onePrimaryPerView(world),
    promisesKept(world),
    monotonic(world),
    pipelineBound(world),
    executedOnce(world),
    requested(world),
    asModelled(world),
    oneLogPerView(world),
    viewFromQuorum(world),
    oldViewsIgnored(world),
    noAckAfterVote(world),
    damageNotUsed(world),
    repairedAsWritten(world),
    silentAfterError(world),
    lostDataNeverVotes(world),
    diskRestores(world),
    bounded(world),
    readsAreFresh(world),
    sameState(),
    linearizable(world),
    numbers(),
    lamport(world),
    preparedOnce(),
    viewsByVote(world),
    logBeginsRight(world),
    takesWhatFits(),
    laterViewsNotFollowed(),
    accounts(),
    readIndexIsHigh(world),
    recoveredAbove(world),
    sameCheckpoints(world),
    commitsAreKnown(world),
    answersFit(),
    questionsAreNew(),
    acksWereTold(world),
    refusedAtViewEnd(),
    ...feedChecks(world),
  ]
}

type Hook = Exclude<keyof Check, 'name'>

export class Watcher implements Watch {
  readonly #checks: readonly Check[]
  readonly #hooked: { readonly [H in Hook]: readonly Check[] }
  readonly #coverage: Coverage
  readonly #digest: Digest
  readonly #report: Reporting | undefined
  readonly #views = new Set<number>()

  constructor(
    checks: readonly Check[],
    told: { coverage: Coverage; digest: Digest; report: Reporting | undefined },
  ) {
    const having = (hook: Hook): Check[] => checks.filter(check => check[hook] !== undefined)
    this.#checks = checks
    this.#hooked = {
      started: having('started'),
      received: having('received'),
      damaged: having('damaged'),
      failed: having('failed'),
      answered: having('answered'),
      asked: having('asked'),
      read: having('read'),
      heard: having('heard'),
      refused: having('refused'),
      stepped: having('stepped'),
      sent: having('sent'),
      durable: having('durable'),
      executed: having('executed'),
      replied: having('replied'),
      atEnd: having('atEnd'),
    }
    this.#coverage = told.coverage
    this.#digest = told.digest
    this.#report = told.report
  }

  started(host: HostView): void {
    if (host.isImpostor) return
    this.#digest.add(host.number)
    for (const check of this.#hooked.started) check.started?.(host)
  }

  received(host: HostView, from: number, message: Message): void {
    // What comes during a repair has no effect but on that.
    if (host.isImpostor || host.replica?.status === 'repairing') return
    for (const check of this.#hooked.received) check.received?.(host, from, message)
  }

  damaged(host: HostView, what: string): void {
    for (const check of this.#hooked.damaged) check.damaged?.(host, what)
  }

  failed(host: HostView): void {
    for (const check of this.#hooked.failed) check.failed?.(host)
  }

  answered(host: HostView, session: string, n: number, answer: ReplyAnswer): void {
    if (host.isImpostor) return
    for (const check of this.#hooked.answered) check.answered?.(host, session, n, answer)
  }

  asked(client: number, id: number): void {
    for (const check of this.#hooked.asked) check.asked?.(client, id)
  }

  read(host: HostView, key: string, value: string, reading: ReadServed): void {
    if (host.isImpostor) return
    for (const check of this.#hooked.read) check.read?.(host, key, value, reading)
  }

  heard(from: Daemon, to: Daemon): void {
    for (const check of this.#hooked.heard) check.heard?.(from, to)
  }

  refused(who: Daemon, by: Daemon, reason: string): void {
    for (const check of this.#hooked.refused) check.refused?.(who, by, reason)
  }

  stepped(host: HostView): void {
    if (host.isImpostor) return
    const { replica } = host
    if (replica) {
      this.#digest.add(replica.viewNumber * 2 + (replica.status === 'normal' ? 0 : 1))
      this.#digest.add(opOf(replica))
      this.#digest.add(replica.commitNumber)
    }
    for (const check of this.#hooked.stepped) check.stepped?.(host)
  }

  sent(host: HostView, to: number, message: Message): void {
    if (host.isImpostor) return
    this.#report?.sent(host, to, message)
    for (const check of this.#hooked.sent) check.sent?.(host, to, message)
  }

  durable(host: HostView, job: Job): void {
    if (host.isImpostor) return
    this.#digest.add(job.type.length)
    if (job.type === 'checkpoint') this.#coverage.checkpoints++
    if (job.type === 'write' && job.install) this.#coverage.installs++
    if (job.type === 'write') this.#coverage.texts += job.texts?.length ?? 0
    this.#report?.durable(host, job)
    for (const check of this.#hooked.durable) check.durable?.(host, job)
  }

  executed(host: HostView, effect: Executed): void {
    if (host.isImpostor) return
    const { entry, answers } = effect
    this.#digest.text(entry.checksum)
    for (const answer of answers) {
      if (answer?.type === 'executed' && answer.opNumber !== entry.opNumber)
        this.#coverage.repeats++
    }
    this.#report?.executed(host, effect)
    for (const check of this.#hooked.executed) check.executed?.(host, effect)
  }

  replied(operation: Operation): void {
    this.#coverage.replies++
    if (operation.session === undefined) this.#coverage.reads++
    else if (operation.sendings > 1) this.#coverage.repeats++
    this.#digest.text(operation.result ?? '')
    this.#report?.replied(operation)
    for (const check of this.#hooked.replied) check.replied?.(operation)
  }

  event(host: HostView, event: ReplicaEvent): void {
    if (host.isImpostor) return
    if (event.type === 'view-started' && !this.#views.has(event.viewNumber)) {
      this.#views.add(event.viewNumber)
      this.#coverage.views++
    }
    if (event.type === 'sync-finished') this.#coverage.transfers++
    if (event.type === 'diverged') {
      const what = `r${host.number} believes that its state diverged at op ${event.opNumber}`
      throw new Violation('same-state', what)
    }
    this.#report?.event(host, event)
  }

  atEnd(): void {
    for (const check of this.#checks) check.atEnd?.()
  }
}
