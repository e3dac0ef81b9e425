/** Bounds and times of a replica. The same on every replica where the comment says so. */
export interface ReplicaOptions {
  /** The primary says something at least this often. */
  readonly heartbeatMs: number
  /** A backup that hears nothing from its primary for this long votes to leave the view (plus jitter). */
  readonly viewChangeTimeoutMs: number
  /** A question that got no answer is asked again after this. */
  readonly resendMs: number
  /** A tick counts for at most this: a replica that was itself held up does not blame the primary. */
  readonly tickMaxMs: number
  /** First patience after a start, when nobody may be up yet. */
  readonly startGraceMs: number
  /** Entries that may be uncommitted. */
  readonly pipelineMax: number
  /** Bytes that may be uncommitted: bounds DOVIEWCHANGE and STARTVIEW. */
  readonly pipelineBytesMax: number
  /** Committed entries that DOVIEWCHANGE and STARTVIEW carry besides, for who lags a little. */
  readonly suffixBytesMax: number
  /** The primary's own appends that may be on their way to disk; the next batch fills meanwhile. §6.2 */
  readonly appendsInFlightMax: number
  /** While entries are under way, the next one waits for this many commands (or for them, or a tick). §6.2 */
  readonly pipelineCommandsMin: number
  readonly batchCommandsMax: number
  readonly batchBytesMax: number
  /** Commands waiting at the primary; more are refused. */
  readonly queueCommandsMax: number
  readonly queueBytesMax: number
  /** Committed entries in one NEWSTATE, records in one NEWCHECKPOINT, texts in one NEWTEXTS. */
  readonly transferBytesMax: number
  /** Executed entries kept in memory for peers that lag a little. */
  readonly logTailMax: number
  readonly logTailBytesMax: number
  /** Checkpoint once this many operations were executed since the last … (same on every replica) */
  readonly checkpointEvery: number
  /** … and this much log time has passed, or 20 times as many operations. (same on every replica) */
  readonly checkpointIntervalMs: number
  /** Checkpoint in any case once cold records of this many bytes were made (same on every replica) */
  readonly checkpointColdBytes: number
  /** The log behind a checkpoint is dropped beyond this many operations … */
  readonly keepLogOperations: number
  /** … or beyond this age. */
  readonly keepLogMs: number
  /** Sessions in the client-table. (same on every replica) */
  readonly clientsMax: number
}

export const DEFAULTS: ReplicaOptions = {
  heartbeatMs: 50,
  viewChangeTimeoutMs: 250,
  resendMs: 100,
  tickMaxMs: 25,
  startGraceMs: 1000,
  pipelineMax: 64,
  pipelineBytesMax: 8 << 20,
  suffixBytesMax: 256 << 10,
  appendsInFlightMax: 1,
  pipelineCommandsMin: 1024,
  batchCommandsMax: 1024,
  batchBytesMax: 1 << 20,
  queueCommandsMax: 65_536,
  queueBytesMax: 64 << 20,
  transferBytesMax: 1 << 20,
  logTailMax: 128,
  logTailBytesMax: 512 << 10,
  checkpointEvery: 10_000,
  checkpointIntervalMs: 10_000,
  checkpointColdBytes: 8 << 20,
  keepLogOperations: 100_000,
  keepLogMs: 24 * 3_600_000,
  clientsMax: 4096,
}
