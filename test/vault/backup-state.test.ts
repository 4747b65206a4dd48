/**
 * A backup's state after every history of up to four checks, by the documented rules
 * (docs/vault-format.md, "Evidence").
 */
import { describe, expect, it } from "vitest";
import { type CheckName, checkNames, stateOf } from "../../src/vault/backup-state.ts";

/** All histories of up to `length` checks. */
function historiesOf(length: number): CheckName[][] {
  if (length === 0) return [[]];
  const shorter = historiesOf(length - 1);
  const longest = shorter.filter((checks) => checks.length === length - 1);
  return [...shorter, ...longest.flatMap((checks) => checkNames.map((check) => [...checks, check]))];
}

const histories = historiesOf(4);
const lastOf = (checks: readonly CheckName[], ...names: readonly CheckName[]): number =>
  checks.findLastIndex((check) => names.includes(check));

describe("the state of a backup", () => {
  it("is proven when nothing was wrong since its last restore", () => {
    for (const checks of histories) {
      const isProven = checks.includes("proven") && lastOf(checks, "proven") > lastOf(checks, "damaged", "disproven");
      expect(stateOf(checks).state === "proven", checks.join()).toBe(isProven);
    }
  });

  it("is damaged from the first fault on until it is read back, or, where a restore found the fault, until it is restored", () => {
    for (const checks of histories) {
      const fault = lastOf(checks, "damaged", "disproven");
      const readBack = lastOf(checks, "verified", "suspicious");
      const isDisproven = lastOf(checks, "disproven") > lastOf(checks, "proven");
      const isDamaged = fault > lastOf(checks, "proven") && (isDisproven || fault > readBack);
      expect(stateOf(checks).state === "damaged", checks.join()).toBe(isDamaged);
    }
  });

  it("is stored as long as nothing was found out about it", () => {
    for (const checks of histories) {
      const isUnknown = checks.every((check) => ["unproven", "accepted", "restored"].includes(check));
      expect(stateOf(checks).state === "stored", checks.join()).toBe(isUnknown);
    }
  });

  it("is verified otherwise", () => {
    for (const checks of histories) {
      const readBack = lastOf(checks, "verified", "suspicious");
      const isVerified = readBack > lastOf(checks, "damaged") && !checks.includes("disproven") && !checks.includes("proven");
      if (isVerified) expect(stateOf(checks).state, checks.join()).toBe("verified");
      expect(["stored", "verified", "proven", "damaged"]).toContain(stateOf(checks).state);
    }
  });

  it("is suspicious from when it looked as if data were lost until a later look or a person says otherwise", () => {
    for (const checks of histories) {
      const isSuspicious = lastOf(checks, "suspicious") > lastOf(checks, "verified", "accepted");
      expect(stateOf(checks).suspicious, checks.join()).toBe(isSuspicious);
    }
  });
});
