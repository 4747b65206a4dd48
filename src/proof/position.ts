/** What of a source's history a backup holds. */

/** A moment of a source's history. */
export interface Position {
  /**
   * The instant, as ISO 8601 with milliseconds, UTC. It never runs backwards along a chain: an
   * engine whose source's clock was set back repeats the latest one.
   */
  readonly at: string;
  /** The source's own name of it: an LSN, an oplog time. */
  readonly mark?: string;
  /** Which of the source's histories it belongs to, where one can part from another: a timeline. */
  readonly line?: string;
}

export interface Coverage {
  /** Where it goes on from what it builds on; absent: it stands alone. */
  readonly from?: Position;
  /** The newest position that it can be restored to. */
  readonly to: Position;
}
