/** The reasons why backups stay, collected while the rules are applied. */

/** Why each backup stays, by its place in the history; one without a reason is released. */
export type Reasons = (string[] | undefined)[];

export function addReason(reasons: Reasons, place: number, reason: string): void {
  const known = reasons[place];
  if (known === undefined) reasons[place] = [reason];
  else known.push(reason);
}
