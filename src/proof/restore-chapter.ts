/**
 * What an engine adds to the vault's RESTORE.md (src/sealing/restore-instructions.ts): how its
 * artifacts are loaded with public tools alone.
 */
export interface RestoreChapter {
  /** Of the step, without its number: `Load it: PostgreSQL`. */
  readonly title: string;
  /** The tools that read the content, as a part of a sentence. */
  readonly tools: string;
  /** Names in the working directory that the commands write: no artifact may have them. */
  readonly writes: readonly string[];
  /**
   * Markdown. Its fenced commands, run in order after the artifacts were opened, restore the
   * backup.
   */
  readonly text: string;
}
