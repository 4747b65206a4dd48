/** What changed between two backups, object by object: pure. */
import type { ListedObject, ObjectListing } from "./listed-object.ts";

/** An object that is not the same in both; `before` absent: it came, `after` absent: it went. */
export interface ObjectChange {
  readonly object: string;
  readonly before?: ListedObject | undefined;
  readonly after?: ListedObject | undefined;
}

/**
 * The changes in the order of the listings; returns how many objects are the same in both. Memory:
 * one object of each. Objects without a SHA-256 on one side are compared by rows and bytes.
 * Errors: those of the listings.
 */
export async function* diffListings(before: ObjectListing, after: ObjectListing): AsyncGenerator<ObjectChange, number> {
  const [first, second] = [before[Symbol.asyncIterator](), after[Symbol.asyncIterator]()];
  let same = 0;
  try {
    let [old, fresh] = [await next(first), await next(second)];
    while (old !== undefined || fresh !== undefined) {
      const order = compare(old, fresh);
      if (order < 0 && old !== undefined) yield { object: old.object, before: old };
      else if (order > 0 && fresh !== undefined) yield { object: fresh.object, after: fresh };
      else if (old !== undefined && fresh !== undefined) {
        if (isSame(old, fresh)) same++;
        else yield { object: fresh.object, before: old, after: fresh };
      }
      const [stepOld, stepFresh] = [order <= 0, order >= 0];
      if (stepOld) old = await next(first);
      if (stepFresh) fresh = await next(second);
    }
    return same;
  } finally {
    await first.return?.();
    await second.return?.();
  }
}

async function next(listing: AsyncIterator<ListedObject>): Promise<ListedObject | undefined> {
  const { value, done } = await listing.next();
  return done === true ? undefined : value;
}

/** Negative: `old` is due, alone; positive: `fresh` is; 0: both are, and have one place. */
function compare(old: ListedObject | undefined, fresh: ListedObject | undefined): number {
  if (old === undefined) return 1;
  if (fresh === undefined) return -1;
  if (old.sortKey === fresh.sortKey) return 0;
  return old.sortKey < fresh.sortKey ? -1 : 1;
}

/** A file that became a directory is another object in the same place. */
function isSame(old: ListedObject, fresh: ListedObject): boolean {
  if (old.object !== fresh.object || old.rows !== fresh.rows || old.bytes !== fresh.bytes) return false;
  if (old.attributes?.join() !== fresh.attributes?.join()) return false;
  return old.sha256 === undefined || fresh.sha256 === undefined || old.sha256 === fresh.sha256;
}
