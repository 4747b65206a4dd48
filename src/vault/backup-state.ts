/**
 * A backup's state: derived from what its checks found, in their order, and from nothing else
 * (design, "What never changes", 1).
 */

/**
 * What was found, as it stands in the key, so that a listing alone gives every state:
 * `verified` read back, digests equal, content parsed; `suspicious` verified, but it looks as if
 * data were lost or encrypted;
 * `accepted` a person looked at a suspicious one and took it; `damaged` a read-back failed;
 * `proven` restored and compared equal; `unproven` the test could not judge (the place lacked
 * something);
 * `disproven` restored and found to differ, or not restorable;
 * `restored` put to use by a person, compared and equal: it says how long that took, and no more.
 */
export const checkNames = ["verified", "suspicious", "accepted", "damaged", "proven", "unproven", "disproven", "restored"] as const;
export type CheckName = (typeof checkNames)[number];

/** How far a backup may be relied on. */
export type BackupState = "stored" | "verified" | "proven" | "damaged";

/**
 * The state after `checks`, oldest first. Reading back makes a stored or damaged backup verified
 * and leaves a proven one proven; damage takes everything back; what a restore disproved, only a
 * restore can prove again. `unproven` and `restored` change nothing. A drop stays suspicious until
 * a person accepts it or a later check finds none.
 */
export function stateOf(checks: readonly CheckName[]): { state: BackupState; suspicious: boolean } {
  let state: BackupState = "stored";
  let disproven = false;
  let suspicious = false;
  for (const check of checks) {
    if (check === "verified" || check === "suspicious") {
      suspicious = check === "suspicious";
      if (!disproven && state !== "proven") state = "verified";
    } else if (check === "proven") {
      state = "proven";
      disproven = false;
    } else if (check === "damaged" || check === "disproven") {
      state = "damaged";
      disproven ||= check === "disproven";
    } else if (check === "accepted") {
      suspicious = false;
    }
  }
  return { state, suspicious };
}
