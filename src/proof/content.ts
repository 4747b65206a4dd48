/**
 * What it means for two contents to be equal: the figures a backup is proven with. Engines make
 * them, the vault keeps them as evidence, the pipeline judges by them. Types and pure functions
 * only.
 */

/** What the source said of itself, independently of the dump, at the dump's consistency point. */
export interface SourceCheckResult {
  readonly mode: "counts" | "content" | "none";
  /**
   * Per object (the names of ContentDigest's objects): rows, and in mode `content` the server's
   * order-independent hash.
   */
  readonly objects: Readonly<Record<string, { readonly rows: number; readonly hash?: string }>>;
}

/**
 * Something a person should know of a backup: what was left out, what could not be read. Never a
 * secret.
 */
export interface Notice {
  /** Stable, for machines: `role-passwords-not-visible`, `file-changed` … */
  readonly code: string;
  /** What it concerns: a path, a role, an extension. */
  readonly subject: string;
  readonly message: string;
}

/**
 * How much a bounded sample of some content is, and what is left of it compressed
 * (content-sample.ts).
 */
export interface ContentSample {
  readonly bytes: number;
  readonly compressedBytes: number;
}

/**
 * The figures of a group of things, such as the files of a directory: for comparing a backup with
 * those before it.
 */
export interface GroupFigures {
  readonly object: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sample?: ContentSample | undefined;
}

/**
 * The figures of one compared thing: `table public.users`, `sequence public.users_id_seq`,
 * `schema TABLE public.users`.
 */
export interface ObjectDigest {
  readonly object: string;
  readonly rows?: number;
  readonly bytes: number;
  readonly sha256: string;
  /**
   * The order of a table's columns in the dump, where the order may legitimately differ after a
   * restore.
   */
  readonly columns?: readonly string[] | undefined;
  /** Of a table's rows; absent where they are few. No part of what is compared. */
  readonly sample?: ContentSample | undefined;
}

/**
 * What a backup contains, independently of how it was stored (design, "How a restore is proven").
 */
export interface ContentDigest {
  /** Names the rules by which it was made; digests compare only within one algorithm. */
  readonly algorithm: string;
  readonly objectCount: number;
  readonly rows: number;
  readonly bytes: number;
  /** SHA-256 over the canonical listing of all objects, hex. */
  readonly sha256: string;
  /**
   * Every object, where the listing is small; engines with a listing of their own in the backup
   * (files) leave it out.
   */
  readonly objects?: readonly ObjectDigest[];
  /** Figures of groups, from engines that leave out `objects`. No part of what is compared. */
  readonly groups?: readonly GroupFigures[];
}

/** One difference between two contents; at most some hundred are listed, all are counted. */
export interface Difference {
  readonly object: string;
  readonly problem: string;
}

/** Objects of a digest: all are counted, at most some hundred are listed. */
export interface CountedObjects {
  readonly count: number;
  readonly objects: readonly string[];
}

export interface Comparison {
  readonly equal: boolean;
  readonly objectsCompared: number;
  readonly rowsCompared: number;
  readonly bytesCompared: number;
  readonly differenceCount: number;
  readonly differences: readonly Difference[];
  /**
   * Definitions that are equal in meaning and printed differently: counted all, listed as
   * differences are.
   */
  readonly printOnly?: CountedObjects;
  /**
   * Definitions that are printed differently and could not be judged by their meaning: neither
   * equal nor different.
   */
  readonly unjudged?: CountedObjects & { readonly reason: string };
  /**
   * What was left out of the comparison because it needs an extension that the policy excepts, or
   * what the policy excludes.
   */
  readonly leftOut?: CountedObjects & { readonly rows: number };
}

/**
 * `benign`: known to change nothing of the content (schema public already exists).
 * `lacking`: the server lacks what the backup needs (an extension, a collation provider): neither
 * damage nor proof.
 * `excepted`: lacking too, by the policy's own wish: it names the extension that the proof may do
 * without, or leaves out what this needs.
 * `damage`: the backup itself does not load.
 */
export type FindingClass = "benign" | "lacking" | "excepted" | "damage";

/** One thing met while a backup was loaded. */
export interface LoadFinding {
  readonly class: FindingClass;
  readonly subject: string;
  readonly message: string;
}

export interface AssertionResult {
  readonly name: string;
  readonly passed: boolean;
  readonly expected: string;
  readonly actual: string;
}
