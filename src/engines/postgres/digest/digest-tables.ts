/** The rows of tables in a content digest. */
import { createHash } from "node:crypto";
import type { ObjectDigest } from "../../../proof/content.ts";
import { createContentSampler } from "../../../proof/content-sample.ts";
import type { CopyTarget, ScriptEntry } from "../script/script-entry.ts";
import { tableObject } from "../script/script-identifiers.ts";
import { columnPermutation, createColumnReorder } from "./copy-columns.ts";
import { createRowSum, type RowSum } from "./copy-row-sum.ts";
import { countNewlines } from "./copy-rows.ts";

export interface TableOptions {
  /**
   * Tables (by their object in the digest) whose rows are to be digested with their columns in this
   * order.
   */
  readonly columnOrder?: ReadonlyMap<string, readonly string[]>;
  /** Tables (by their object) whose rows are to be digested whatever their order. */
  readonly unordered?: ReadonlySet<string>;
}

/**
 * The SHA-256 of a partition whose rows pg_dump loads through the partitioned table, because where
 * a row belongs may differ on another server (hashes of enums): its rows are counted, and digested
 * with those of the whole.
 */
export const routedSha256 = createHash("sha256").update("routed").digest("hex");
/** Begins the name of the object that holds the rows of all such partitions. */
const routedPrefix = "routed rows of ";

/** Either kind of digest, with one way to end it. */
interface RowDigest {
  update(bytes: Buffer): unknown;
  digest(): string;
}

interface Block {
  readonly object: string;
  readonly columns: readonly string[];
  readonly hash: RowDigest;
  readonly reorder?: (chunk: Buffer) => Buffer;
  /** The table that the rows of a routed partition go through. */
  readonly through?: string;
  rows: number;
  bytes: number;
}

export interface TableCollector {
  /**
   * The table is defined by the script; `reordered` when its columns may come back in another
   * order.
   */
  define(object: string, reordered: boolean): void;
  start(target: CopyTarget, entry: ScriptEntry, decode: (bytes: string) => string): void;
  data(bytes: Buffer): void;
  end(): void;
  objects(): ObjectDigest[];
}

export function createTableCollector(options: TableOptions): TableCollector {
  // Columns of all other tables are listed with their digest: an extension's own are in the order
  // of the version that was installed.
  const fixed = new Set<string>();
  const tables: ObjectDigest[] = [];
  const routed = new Map<string, { bytes: number; readonly sum: RowSum }>();
  const sampler = createContentSampler();
  let block: Block | undefined;

  function start(target: CopyTarget, entry: ScriptEntry, decode: (bytes: string) => string): void {
    const own = tableObject(decode(target.schema), decode(target.table));
    const columns = target.columns.map(decode);
    if (entry.type === "TABLE DATA" && !isSameTable(target, entry)) {
      if (!routed.has(own)) routed.set(own, { bytes: 0, sum: createRowSum() });
      const leaf = tableObject(decode(entry.schema), decode(entry.name));
      block = { object: leaf, columns, hash: (routed.get(own) as { sum: RowSum }).sum, through: own, rows: 0, bytes: 0 };
      return;
    }
    const wanted = options.columnOrder?.get(own);
    const permutation = wanted === undefined ? undefined : columnPermutation(columns, wanted);
    block = {
      object: own,
      columns: permutation === undefined ? columns : (wanted as readonly string[]),
      hash: options.unordered?.has(own) === true ? createRowSum() : createOrderedDigest(),
      ...(permutation === undefined ? {} : { reorder: createColumnReorder(permutation) }),
      rows: 0,
      bytes: 0,
    };
  }

  function end(): void {
    if (block === undefined) return;
    const { object, columns, hash, through, rows, bytes } = block;
    block = undefined;
    const sampled = sampler.take();
    const sample = sampled === undefined ? {} : { sample: sampled };
    if (through !== undefined) {
      (routed.get(through) as { bytes: number }).bytes += bytes;
      tables.push({ object, rows, bytes: 0, sha256: routedSha256, ...sample });
      return;
    }
    // The order of columns takes part in what the bytes mean.
    const sha256 = createHash("sha256").update(JSON.stringify(columns)).update(hash.digest()).digest("hex");
    tables.push({ object, rows, bytes, sha256, ...(fixed.has(object) ? {} : { columns }), ...sample });
  }

  return {
    define(object, reordered) {
      if (!reordered) fixed.add(object);
    },
    start,
    data(bytes) {
      if (block === undefined) return;
      block.rows += countNewlines(bytes);
      block.bytes += bytes.length;
      sampler.add(bytes);
      block.hash.update(block.reorder === undefined ? bytes : block.reorder(bytes));
    },
    end,
    objects: () => [
      ...tables,
      ...[...routed].map(([object, { bytes, sum }]) => ({ object: `${routedPrefix}${object}`, bytes, sha256: sum.digest() })),
    ],
  };
}

function createOrderedDigest(): RowDigest {
  const hash = createHash("sha256");
  return { update: (bytes) => hash.update(bytes), digest: () => hash.digest("hex") };
}

function isSameTable(target: CopyTarget, entry: ScriptEntry): boolean {
  // pg_dump makes spaces of newlines in the comment that names an entry.
  const sanitised = (name: string): string => name.replaceAll(/[\r\n]/g, " ");
  return sanitised(target.schema) === entry.schema && sanitised(target.table) === entry.name;
}
