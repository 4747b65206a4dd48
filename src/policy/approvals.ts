/** What a second person must approve, as a policy says it. */

/**
 * What can be guarded. `overwrite`: a restore into a target that holds something, `--swap` too.
 * `swap-back`: taking one back. `into-live`: rows, or a table, put into a live database's place.
 */
export const guardedActions = ["overwrite", "swap-back", "into-live", "release-hold", "accept-suspicious"] as const;
export type GuardedAction = (typeof guardedActions)[number];

/** Somebody who may approve. */
export interface Approver {
  /** Ed25519 or P-256: base64 of its SubjectPublicKeyInfo. */
  readonly publicKey: string;
  /**
   * Their user's name on this machine, where they have one: what that user asks for is not theirs.
   */
  readonly user?: string | undefined;
  /** From then on they decide nothing; ISO 8601. */
  readonly retiredAt?: string | undefined;
}

export interface Approvals {
  readonly of: readonly GuardedAction[];
  /** How long a request waits, and an approval holds. */
  readonly expiresSeconds: number;
  /** By name. Empty: a stack's, which knows who answers by their AWS identity. */
  readonly approvers: Readonly<Record<string, Approver>>;
}

/** Whether a second person must approve such an action. */
export function needsApproval({ approvals }: { readonly approvals?: Approvals | undefined }, action: GuardedAction): boolean {
  return approvals?.of.includes(action) ?? false;
}
