/**
 * Patterns with "any number of anything" in them, matched in time that is linear in pattern times
 * text. A backtracking regular expression is not: who names files or tables would choose how long a
 * backup takes.
 */

/**
 * Stands for any number of items, also none: `*` among the characters of a name, `**` among the
 * names of a path.
 */
export const anyNumber = Symbol("any number");

/**
 * Whether `count` items fit `parts` one after the other; `fits` says whether one item fits one
 * part. Calls `fits` at most
 * `parts.length * (count + 1)` times: only the last `anyNumber` met is ever tried again, for what
 * an earlier one could take, a later one can take too.
 */
export function matchSequence<T>(
  parts: readonly (T | typeof anyNumber)[],
  count: number,
  fits: (part: T, index: number) => boolean,
): boolean {
  let [part, item] = [0, 0];
  let retryPart = -1;
  let retryItem = 0;
  while (item < count) {
    const current = parts[part];
    if (current === anyNumber) {
      [retryPart, retryItem] = [++part, item];
    } else if (part < parts.length && fits(current as T, item)) {
      part++;
      item++;
    } else if (retryPart >= 0) {
      [part, item] = [retryPart, ++retryItem];
    } else {
      return false;
    }
  }
  while (parts[part] === anyNumber) part++;
  return part === parts.length;
}
