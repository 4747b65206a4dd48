/** What a check says. */

export interface Finding {
  /** `note`: nothing is wrong, and a person may want to know it. */
  readonly level: "ok" | "note" | "warning" | "error";
  /** What was checked: `connection`, `privileges`, `tools`. */
  readonly subject: string;
  readonly message: string;
  /** How to fix it: one imperative sentence. */
  readonly remedy?: string;
  /** All that it is about, where the message names the first of many. In JSON only. */
  readonly details?: readonly string[];
  /** It says what this machine has: elsewhere, where the work is done, it may be otherwise. */
  readonly ofMachine?: true;
}
