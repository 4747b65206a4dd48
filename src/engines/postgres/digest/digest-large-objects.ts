/**
 * Large objects in a content digest. There may be millions, grouped and ordered differently by
 * every version of pg_dump; so they are digested one by one, and combined, whatever their order,
 * into one figure per thousand of their numbers.
 */
import { createHash, type Hash } from "node:crypto";
import type { ObjectDigest } from "../../../proof/content.ts";

/**
 * Large objects per object of the digest: names the neighbourhood of a difference, without a list
 * of millions.
 */
export const objectsPerRange = 1000;

/** The name of the range with this index, in digests and source checks. */
export function largeObjectRange(index: number, kind = "large objects"): string {
  const first = index * objectsPerRange;
  return `${kind} ${first}..${first + objectsPerRange - 1}`;
}

const modulus = 1n << 256n;

interface Range {
  count: number;
  bytes: number;
  /**
   * Sum of the parts' SHA-256, modulo 2^256: independent of their order, and sensitive to
   * duplicates.
   */
  sum: bigint;
}

export interface LargeObjectCollector {
  /**
   * Takes a statement that creates, fills, owns or grants on a large object; false when it is about
   * something else.
   */
  take(statement: string): boolean;
  objects(): ObjectDigest[];
}

const writeStatement = "SELECT pg_catalog.lowrite(0, '";

export function createLargeObjectCollector(): LargeObjectCollector {
  const ranges = new Map<string, Range>();
  let open: { readonly oid: string; readonly hash: Hash; bytes: number } | undefined;

  function add(kind: string, oid: string, fact: string, figures: { count?: number; bytes?: number } = {}): void {
    const name = largeObjectRange(Math.floor(Number(oid) / objectsPerRange), kind);
    const range = ranges.get(name) ?? { count: 0, bytes: 0, sum: 0n };
    ranges.set(name, range);
    const hash = createHash("sha256").update(`${oid} ${fact}`, "latin1").digest("hex");
    range.sum = (range.sum + BigInt(`0x${hash}`)) % modulus;
    range.count += figures.count ?? 0;
    range.bytes += figures.bytes ?? 0;
  }

  function takeContent(statement: string): boolean {
    if (statement.startsWith(writeStatement)) {
      // `'\x…'`, or `'\\x…'` where strings are not standard.
      const from = statement.indexOf("x", writeStatement.length) + 1;
      const to = statement.lastIndexOf("'");
      open?.hash.update(statement.slice(from, to), "latin1");
      if (open !== undefined) open.bytes += (to - from) / 2;
      return open !== undefined;
    }
    const opened = /^SELECT pg_catalog\.lo_open\('(\d+)', \d+\)$/.exec(statement);
    if (opened !== null) {
      open = { oid: opened[1] as string, hash: createHash("sha256"), bytes: 0 };
      return true;
    }
    if (statement !== "SELECT pg_catalog.lo_close(0)" || open === undefined) return false;
    add("large objects", open.oid, `content ${open.hash.digest("hex")}`, { bytes: open.bytes });
    open = undefined;
    return true;
  }

  return {
    take(statement) {
      if (takeContent(statement)) return true;
      const created = /^SELECT pg_catalog\.lo_create\('(\d+)'\)$/.exec(statement);
      if (created !== null) {
        add("large objects", created[1] as string, "created", { count: 1 });
        return true;
      }
      const owned = /^ALTER LARGE OBJECT (\d+) OWNER TO (.*)$/s.exec(statement);
      if (owned !== null) {
        add("owner LARGE OBJECTS", owned[1] as string, owned[2] as string);
        return true;
      }
      const granted = /^(?:GRANT|REVOKE) .* ON LARGE OBJECT (\d+) (?:TO|FROM) .*$/s.exec(statement);
      if (granted === null) return false;
      add("schema ACL LARGE OBJECTS", granted[1] as string, statement);
      return true;
    },
    objects: () =>
      [...ranges].map(([object, { count, bytes, sum }]) => ({
        object,
        ...(object.startsWith("large objects") ? { rows: count } : {}),
        bytes,
        sha256: sum.toString(16).padStart(64, "0"),
      })),
  };
}
