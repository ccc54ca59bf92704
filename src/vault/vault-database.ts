/** What the vault needs of Postgres: a small share of connections of its own, and its schema brought up to date. */

export interface VaultConnection {
  readonly query: <Row extends object>(text: string, values?: readonly unknown[]) => Promise<Row[]>
  /** Committed when `work` resolves, rolled back when it rejects. */
  readonly transaction: <Value>(work: () => Promise<Value>) => Promise<Value>
}

/** Throws faults; which ones is of no concern here. */
export interface VaultDatabase {
  readonly vault: {
    readonly withConnection: <Value>(work: (connection: VaultConnection) => Promise<Value>) => Promise<Value>
  }
  readonly migrate: (set: { readonly schema: string; readonly directory: URL }) => Promise<void>
}
