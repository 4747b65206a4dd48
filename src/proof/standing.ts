/** How far a backup can be relied on, whatever it builds on included. */

export interface Standing {
  readonly state: "stored" | "verified" | "proven" | "damaged";
  /** Verified, but it looks as if data were lost or encrypted. */
  readonly suspicious: boolean;
}

/** What a base that is not there, or is not the one that was built on, is worth. */
export const noBase: Standing = { state: "damaged", suspicious: false };

/**
 * The standing of a backup that builds on another. It does not restore without its base, and has
 * whatever that lost. A proof of it is one of the whole chain, so that it needs none of the base.
 */
export function inheritDoubt(own: Standing, base: Standing): Standing {
  const suspicious = own.suspicious || base.suspicious;
  if (base.state === "damaged") return { state: "damaged", suspicious };
  return { state: base.state === "stored" && own.state === "verified" ? "stored" : own.state, suspicious };
}
