/**
 * The validated policy: what every other module knows of holdfast.yml. Made by parse-policy.ts,
 * frozen.
 */
import type { Approvals } from "./approvals.ts";

export type Tier = "critical" | "important" | "standard";
/** A backup's kind, the second part of its id. */
export const backupKinds = ["full", "incremental", "differential", "log", "snapshot"] as const;
export type BackupKind = (typeof backupKinds)[number];

/**
 * Which earlier backup one of a kind needs: the newest full one, or the newest of all, which for
 * any kind but `log` leaves logs out. A kind that is not here needs none.
 */
export type BaseRules = Readonly<Partial<Record<BackupKind, "latest-full" | "latest">>>;

/** A database of RDS whose logins are signed by the AWS identity: nothing of it is secret. */
export interface RdsConnection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** Absent: as the host's name says. */
  readonly region?: string;
  /** `db-…`, `cluster-…` or `prx-…`: what alone a stack's roles may log in to. */
  readonly resourceId?: string;
  /** A file of authorities, or `system`. */
  readonly sslrootcert: string;
}

/** Where a connection stands, or what it is where nothing of it is secret. */
export type ConnectionReference = SecretReference | ({ readonly from: "rds" } & RdsConnection);

/** Where a secret stands; the policy never holds the secret itself. */
export type SecretReference =
  | { readonly from: "env"; readonly name: string }
  | { readonly from: "file"; readonly path: string }
  | { readonly from: "service"; readonly name: string }
  | { readonly from: "secret"; readonly id: string };

export interface FolderVault {
  readonly type: "folder";
  /** Absolute path. */
  readonly path: string;
}

/**
 * How a bucket keeps what it locked: `governance` yields to identities with the right to bypass it,
 * `compliance` to nobody.
 */
export type LockMode = "governance" | "compliance";

/**
 * When artifacts move to cheaper storage, by their age; an absent tier is skipped. Every object
 * begins in `hot`.
 */
export interface StorageTiers {
  /** Days; read at once, paid per read. */
  readonly warmDays?: number | undefined;
  /** Days; read at once, expensive to read. */
  readonly coldDays?: number | undefined;
  /** Days; must be brought back for hours before it can be read. */
  readonly archiveDays?: number | undefined;
}

export interface S3Vault {
  readonly type: "s3";
  readonly bucket: string;
  /** Key prefix without a trailing slash; empty for the whole bucket. */
  readonly prefix: string;
  readonly region?: string;
  /** For S3-compatible providers. */
  readonly endpoint?: string;
  readonly pathStyle?: boolean;
  /** Most parts of a multipart upload; 10,000 on AWS, 1,000 at some providers. */
  readonly partsLimit: number;
  /**
   * `required`: send no checksum unless the operation demands one, for providers that refuse the
   * SDK's default.
   */
  readonly checksums: "supported" | "required";
  /** How long a request that fails is tried again; absent: five minutes. */
  readonly retrySeconds?: number;
  /**
   * Whether and how objects are locked at their write, for as long as retention promises to keep
   * them.
   */
  readonly lock?: { readonly mode: LockMode };
  /**
   * Where leases and read marks lie, when not in the vault; required with `lock`. The vault's
   * server, another bucket.
   */
  readonly state?: { readonly bucket: string; readonly prefix: string };
  readonly tiers?: StorageTiers | undefined;
}

export type VaultConfig = (FolderVault | S3Vault) & { readonly name: string };

/** Where a sealing key comes from. */
export type KeyReference =
  | {
      readonly type: "file";
      readonly path: string;
      /** Its signing key's public half, for machines that check signatures and have no key. */
      readonly publicKey?: string;
    }
  | {
      readonly type: "kms";
      readonly keyId: string;
      readonly region?: string;
      readonly endpoint?: string;
      /**
       * How often KMS gives the key new material, for the stack that makes the key; old material
       * goes on opening.
       */
      readonly rotationDays?: number;
      /** The key that signs evidence, holds and tombstones; absent: this key signs nothing. */
      readonly signing?: SigningKeyReference;
    };

/** An asymmetric key of KMS, and its public half: base64 of its SubjectPublicKeyInfo. */
export interface SigningKeyReference {
  readonly key: string;
  /** Absent: KMS is asked for it, which takes the right to, and trusts what the alias points to. */
  readonly publicKey?: string | undefined;
}

/** The first key seals; all of them open (rotation: put the new key first). */
export interface KeyConfig {
  readonly name: string;
  readonly keys: readonly [KeyReference, ...KeyReference[]];
}

export interface Objectives {
  readonly rpoSeconds: number;
  readonly rtoSeconds: number;
}

/** How many newest backups of each calendar bucket stay, and rules beside them. */
export interface Retention {
  readonly daily?: number;
  readonly weekly?: number;
  readonly monthly?: number;
  readonly yearly?: number;
  /** The newest N stay, whatever their age. */
  readonly keepLast?: number;
  /**
   * Nothing younger than this is released, whatever the rules: the time in which an accident is
   * noticed.
   */
  readonly minAgeSeconds: number;
  /** Every instant of this time stays recoverable; absent: no such window. */
  readonly recoveryWindowSeconds?: number;
  /** Everything younger than this stays. */
  readonly keepWithinSeconds?: number;
  /** Age rules per kind: a backup of the kind stays while it is younger. */
  readonly kinds?: Readonly<Partial<Record<BackupKind, { readonly keepWithinSeconds: number }>>>;
  /** Ids that are never released. */
  readonly permanent?: readonly string[];
  /** The largest share (0 to 1) of a source's backups that one prune may remove. */
  readonly maxRemovalShare: number;
}

/** Whether a restore test is done only in a sandbox, in the best there is, or in none. */
export type SandboxChoice = "required" | "preferred" | "none";

export interface RestoreTestConfig {
  /** Cron with five fields in the policy's time zone; absent: by hand only. */
  readonly schedule?: string;
  /**
   * Where code that comes with a backup runs, for engines that run any. Absent: as
   * `defaultSandbox`.
   */
  readonly sandbox?: SandboxChoice;
  /**
   * What a throwaway server needs beyond what its programs bring along, in the engine's names. A
   * stack's layer and image get them.
   */
  readonly extensions?: readonly string[];
  /**
   * When a test that has not ended is ended, without a verdict. Absent: as
   * `defaultMaxTestDuration`.
   */
  readonly maxDurationSeconds?: number;
}

/** How many of what a backup holds, in the engine's words: `[one, many]`. */
export type CountedWord = readonly [one: string, many: string];

/** What a source carries of its engine, so that nothing else needs to know which engine that is. */
export interface EngineTraits {
  /** The kinds of backup that it makes. */
  readonly kinds: readonly BackupKind[];
  /**
   * Whose artifacts the kinds that reuse may name: those of the newest backup, or of the newest
   * full one.
   */
  readonly reuses: BaseRules;
  /** What the kinds that are restored onto another backup build on. */
  readonly chains: BaseRules;
  /** `network`: a stack in the cloud can reach the source. `machine`: it lies on one machine. */
  readonly reach: "network" | "machine";
  readonly units: {
    /** Objects of a content digest. */
    readonly objects: CountedWord;
    /** Rows of a content digest. */
    readonly rows: CountedWord;
    /**
     * Rows that the source counted of itself, where these are something else and are told without
     * the objects.
     */
    readonly counted?: CountedWord;
  };
  /** Environment variables that the engine's tools take a secret from. */
  readonly secretVariables: readonly string[];
}

/** A source as every module but its engine knows it; engines/<name>/source.ts have more. */
export interface SourceConfig {
  readonly name: string;
  /** The engine's name (engines.ts). */
  readonly engine: string;
  readonly traits: EngineTraits;
  /** Where to find each secret that its backups need; logins of RDS, which need none, as well. */
  readonly secrets: readonly ConnectionReference[];
  readonly vault: string;
  readonly key: string;
  readonly tier: Tier;
  readonly objectives: Objectives;
  /** Cron with five fields per kind, in the policy's time zone. */
  readonly schedules: Readonly<Partial<Record<BackupKind, string>>>;
  /** How long after its schedule a backup may begin; absent: a few minutes. */
  readonly windowSeconds?: number | undefined;
  readonly retention: Retention;
  readonly verify: {
    readonly schedule?: string;
    /**
     * A table or directory that falls by more than this share (0 to 1) between two backups is
     * suspicious.
     */
    readonly maxDropShare: number;
    /**
     * Patterns, in the engine's notation, of parts that come and go: nothing is concluded from
     * them.
     */
    readonly volatile: readonly string[];
  };
  readonly restoreTest: RestoreTestConfig;
  /** How much it holds, as the policy declares it; absent: as it was measured. */
  readonly sizeBytes?: number;
}

export type Severity = "critical" | "warning" | "info";
export type AlertChannel =
  | { readonly type: "email"; readonly address: string }
  | { readonly type: "slack"; readonly webhook: SecretReference };

export interface Policy {
  readonly version: 1;
  /** Absolute path of the file that it was read from; absent for one that a stack keeps. */
  readonly file?: string;
  /** IANA name. */
  readonly timezone: string;
  readonly vaults: Readonly<Record<string, VaultConfig>>;
  readonly keys: Readonly<Record<string, KeyConfig>>;
  readonly sources: Readonly<Record<string, SourceConfig>>;
  /** Connections whose database a stack may restore to, by the name that its restores are given. */
  readonly restoreTargets?: Readonly<Record<string, ConnectionReference>>;
  readonly alerts: Readonly<Partial<Record<Severity, readonly AlertChannel[]>>>;
  /** How long an entry of the audit trail is locked, in vaults that lock; 0: not at all. */
  readonly auditKeepSeconds: number;
  /** What a second person must approve; absent: nothing. */
  readonly approvals?: Approvals | undefined;
  /** SHA-256 of the policy file's bytes, hex; goes into every manifest. */
  readonly sha256: string;
}
