/** Finds what a typo was meant to be. */

/**
 * The candidate that is nearest to `name`, ignoring case, or undefined when none is near enough to
 * be worth a guess. Near enough: at most one edit for names of up to 4 characters, a third of the
 * length beyond that. An edit is an insertion, a deletion, a substitution or a swap of neighbours.
 * A candidate that `name` begins or that begins `name` counts as near from 3 characters on.
 */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  // A longer text is no typo of a key or a name, and the distance costs its length squared.
  if (name.length > 100) return undefined;
  const wanted = name.toLowerCase();
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (best === undefined || distance < best.distance) best = { candidate, distance };
  }
  if (best !== undefined && best.distance <= Math.max(1, Math.floor(Math.max(wanted.length, 3) / 3))) return best.candidate;
  if (wanted.length < 3) return undefined;
  return candidates.find((candidate) => {
    const other = candidate.toLowerCase();
    return other.length >= 3 && (other.startsWith(wanted) || wanted.startsWith(other));
  });
}

/** `; did you mean "x"?`, or nothing. */
export function didYouMean(name: string, candidates: readonly string[]): string {
  const nearest = nearestName(name, candidates);
  return nearest === undefined ? "" : `; did you mean "${nearest}"?`;
}

/** The restricted Damerau-Levenshtein distance: the fewest single edits from `a` to `b`. */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let distance = Math.min(at(previous, column) + 1, at(current, column - 1) + 1, at(previous, column - 1) + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) distance = Math.min(distance, at(beforePrevious, column - 2) + 1);
      current.push(distance);
    }
    beforePrevious = previous;
    previous = current;
  }
  return at(previous, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
