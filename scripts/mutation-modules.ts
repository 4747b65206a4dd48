/**
 * The modules whose tests `npm run mutation` measures: what decides whether a backup exists, is
 * trusted, and may be deleted.
 */

export interface MutationModule {
  readonly name: string;
  /** The files that are broken, as patterns. */
  readonly mutate: readonly string[];
  /** The unit tests that concern them. */
  readonly tests: readonly string[];
  /**
   * After which time a test has failed: where many mutants make a stream wait for ever. Without it
   * Stryker's own limit ends them, which is longer, and stops the process.
   */
  readonly maxTestMs?: number;
}

/**
 * Without the property tests of whole histories and the simulations: they notice more, but take a
 * minute for each mutant that survives the others.
 */
const retentionTests = [
  "test/retention/{plan-retention,history,order-releases,keep-rules,calendar-rules,recovery-window}.test.ts",
  "test/retention/{refusals,calendar,promise-locks}.test.ts",
];

export const mutationModules: readonly MutationModule[] = [
  {
    name: "retention-plan",
    mutate: ["src/retention/{plan-retention,history,order-releases,retention-backup}.ts"],
    tests: retentionTests,
  },
  { name: "retention-rules", mutate: ["src/retention/{calendar-rules,keep-rules,calendar}.ts"], tests: retentionTests },
  { name: "retention-refusals", mutate: ["src/retention/refusals.ts"], tests: retentionTests },
  { name: "retention-locks", mutate: ["src/retention/{promise-locks,shortest-kept}.ts"], tests: retentionTests },
  {
    name: "chains",
    mutate: ["src/vault/{chains,examine-base}.ts", "src/proof/standing.ts"],
    tests: ["test/vault/{chains,examine-base}.test.ts"],
  },
  {
    name: "signatures",
    mutate: ["src/vault/{judge-checks,signed-documents}.ts"],
    tests: ["test/vault/{judge-checks,signed-documents}.test.ts"],
  },
  { name: "lease-set", mutate: ["src/vault/lease-set.ts"], tests: ["test/vault/lease-set.test.ts"] },
  {
    name: "retention-windows",
    mutate: ["src/retention/{recovery-window,positions,describe-age}.ts"],
    tests: retentionTests,
  },
  { name: "sweep", mutate: ["src/vault/sweep.ts"], tests: ["test/vault/sweep.test.ts"] },
  {
    name: "prune",
    mutate: ["src/pipeline/prune.ts", "src/pipeline/prune/{delete-backup,walk-released,plan-source,gather-backups}.ts"],
    tests: ["test/pipeline/{prune-deletions,prune/{delete-backup,walk-released,gather-backups}}.test.ts"],
  },
  {
    name: "prune-plan",
    mutate: ["src/pipeline/prune/{plan-on-positions,plan-on-trust,prune-locks,refuse-losses,reused-artifacts}.ts"],
    tests: ["test/pipeline/prune/{plan-on-positions,plan-on-trust,prune-locks,refuse-losses,reused-artifacts}.test.ts"],
  },
  {
    name: "dump",
    mutate: ["src/pipeline/dump.ts", "src/pipeline/dump/{running-backup,backup-clock}.ts"],
    tests: ["test/pipeline/{dump-commit,dump/{lost-lease,log-gap}}.test.ts"],
  },
  {
    name: "dump-parts",
    mutate: ["src/pipeline/dump/{base-candidate,choose-base,reuse-base,store-artifacts}.ts"],
    tests: ["test/pipeline/dump/{base-candidate,choose-base,reuse-base,store-artifacts}.test.ts"],
  },
  {
    name: "manifest",
    mutate: ["src/vault/documents/manifest.ts", "src/vault/documents/check-manifest.ts"],
    tests: ["test/vault/documents/{manifest,check-manifest}.test.ts", "test/vault/format.test.ts"],
  },
  {
    name: "evidence",
    mutate: ["src/vault/documents/evidence.ts", "src/vault/documents/check-evidence.ts", "src/vault/backup-state.ts"],
    tests: ["test/vault/documents/{evidence,check-evidence}.test.ts", "test/vault/backup-state.test.ts"],
  },
  {
    name: "holds",
    mutate: ["src/vault/documents/holds.ts"],
    tests: ["test/vault/documents/holds.test.ts", "test/vault/holds-and-vault.test.ts"],
  },
  {
    name: "tombstones",
    mutate: ["src/vault/documents/tombstones.ts"],
    tests: ["test/vault/documents/tombstones.test.ts"],
  },
  {
    name: "seal",
    mutate: ["src/sealing/seal.ts"],
    tests: ["test/sealing/{seal,round-trip,interruption,vectors}.test.ts"],
    maxTestMs: 10_000,
  },
  {
    name: "open",
    mutate: ["src/sealing/open.ts"],
    // Without damage-everywhere: it takes 12 s for each mutant that survives the others.
    tests: ["test/sealing/{round-trip,interruption,vectors,damage}.test.ts"],
    maxTestMs: 10_000,
  },
  {
    name: "manifest-seal",
    mutate: ["src/sealing/{manifest-seal,small-message,message}.ts"],
    tests: ["test/sealing/{manifest-seal,small-message,message,digest-key}.test.ts"],
  },
  {
    name: "signing",
    mutate: ["src/sealing/{signing,public-key,ecdsa-signature,file-signer}.ts"],
    tests: ["test/sealing/{signing,ecdsa-signature}.test.ts"],
  },
  {
    name: "digest-key",
    mutate: ["src/sealing/{digest-key,sealed-texts}.ts"],
    tests: ["test/sealing/digest-key.test.ts"],
  },
  {
    name: "key-files",
    mutate: ["src/sealing/{key-file,keys}.ts"],
    tests: ["test/sealing/{key-file,keys}.test.ts"],
  },
  {
    name: "authentic-manifest",
    mutate: ["src/pipeline/opening/authentic-manifest.ts"],
    tests: ["test/pipeline/opening/manifest-seals.test.ts"],
  },
  {
    name: "verify",
    mutate: ["src/pipeline/verify.ts", "src/pipeline/catalogue/earlier-evidence.ts", "src/pipeline/suspicion/earlier-figures.ts"],
    tests: ["test/pipeline/{verify-judgement,catalogue/earlier-evidence,suspicion/earlier-figures}.test.ts"],
  },
];
