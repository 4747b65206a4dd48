/**
 * What a manifest tells of the database beside its bytes: all that a restore needs to know before
 * it begins. Parsed once, when a backup is opened.
 */
import * as z from "zod";
import type { BackupReader } from "../backup-reader.ts";

const texts = z.array(z.string()).readonly();
const provider = z.enum(["libc", "icu", "builtin"]);

/**
 * Version of the collation library's data; a differing one at the restore may order text
 * differently. `name` is `schema.name`.
 */
const collation = z.object({ name: z.string(), provider, version: z.string().optional() }).readonly();

/** A definition that an exclusion takes with it (exclusion-effects.ts). */
const exclusionEffect = z
  .object({
    object: z.string(),
    needs: z.object({ schema: z.string(), name: z.string() }).readonly(),
    loses: z.enum(["definition", "reference", "rows"]),
  })
  .readonly();

/** The source's side of the facts: read in the dump's snapshot. */
const databaseFacts = z.object({
  serverVersion: z.string(),
  serverMajor: z.int().positive(),
  standby: z.boolean(),
  /** Where the role may ask for it. */
  systemIdentifier: z.string().optional(),
  dataChecksums: z.boolean(),
  databaseName: z.string(),
  databaseOwner: z.string(),
  encoding: z.string(),
  localeProvider: provider,
  collate: z.string(),
  ctype: z.string(),
  /** Of ICU: a language tag; of the builtin provider: C, C.UTF-8 or PG_UNICODE_FAST. */
  locale: z.string().optional(),
  icuRules: z.string().optional(),
  collationVersion: z.string().optional(),
  /** Beside the database's own, those that columns and indexes use or that users made. */
  collations: z.array(collation).readonly(),
  extensions: z.array(z.object({ name: z.string(), version: z.string(), schema: z.string() }).readonly()).readonly(),
  /**
   * Owners, grantees and others that the dump's SQL may name, sorted; never `public` or the
   * predefined pg_ roles.
   */
  roles: texts,
  /** Those of the whole cluster beside pg_default and pg_global. */
  tablespaces: z.array(z.object({ name: z.string(), location: z.string() }).readonly()).readonly(),
  databaseSizeBytes: z.number(),
  /** Bytes of tables without their indexes: close to the size of their rows as text. */
  tableBytes: z.number(),
  largeObjectCount: z.number(),
});

/** `facts` in a manifest of this engine. */
export const postgresFacts = databaseFacts.extend({
  toolVersion: z.string(),
  toolMajor: z.int().positive(),
  /** Of the archive: by pg_dump itself, or left to sealing. */
  archiveCompression: z.enum(["zstd", "none"]),
  exclude: z.object({ tables: texts, data: texts }).readonly(),
  /** What the exclusions take with them; at most a thousand. */
  exclusionEffects: z.array(exclusionEffect).readonly(),
  /**
   * How much of the cluster's globals was captured: all; roles and memberships as far as pg_roles
   * shows them; nothing.
   */
  globalsCaptured: z.enum(["all", "visible-roles", "none"]),
  rolePasswords: z.boolean(),
});

export type DatabaseFacts = Readonly<z.output<typeof databaseFacts>>;
export type PostgresFacts = Readonly<z.output<typeof postgresFacts>>;
export type GlobalsCaptured = PostgresFacts["globalsCaptured"];

export type PostgresBackup = BackupReader<PostgresFacts>;
