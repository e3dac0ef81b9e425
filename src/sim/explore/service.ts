/** The service of explored clusters: the list of what was executed. Two equal members: one command was executed twice. */
import { text, utf8 } from '../../base/bytes.ts'
import type { ExecuteContext, Service, ServiceRecord, ServiceSnapshot } from '../../vr/service.ts'

export class ListService implements Service {
  readonly executed: string[]

  constructor(executed: readonly string[] = []) {
    this.executed = [...executed]
  }

  copy(): ListService {
    return new ListService(this.executed)
  }

  execute(operation: Uint8Array, _context: ExecuteContext): Uint8Array {
    this.executed.push(text(operation))
    return utf8(String(this.executed.length))
  }

  advance(): void {}

  nextDeadline(): number | undefined {
    return undefined
  }

  takeDirty(): ServiceRecord[] {
    return []
  }

  freeze(): ServiceSnapshot {
    return { records: () => [], coldRecords: () => [], coldReference: () => undefined }
  }

  stateHash(): string {
    return this.executed.join(' ')
  }

  clear(): void {
    this.executed.length = 0
  }

  load({ value }: ServiceRecord): void {
    if (value !== undefined) this.executed.push(value)
  }

  isCold(): boolean {
    return false
  }

  coldReference(): undefined {
    return undefined
  }

  coldText(): string | undefined {
    return undefined
  }

  coldBytes(): number {
    return 0
  }

  settle(): void {}
}
