/**
 * The schema of vaults: where backups live, how they are locked there, and when they move to
 * cheaper storage.
 */
import * as z from "zod";
import { parseDays } from "./days.ts";
import { defaultChecksums, defaultPartsLimit } from "./defaults.ts";
import { durationPattern, parseDuration } from "./duration.ts";
import type { Parsed } from "./parsed.ts";
import type { S3Vault, StorageTiers } from "./policy.ts";
import {
  parseBucket,
  parseEndpoint,
  parsePrefix,
  parseStateAddress,
  parseVaultAddress,
  stateForm,
  vaultForm,
} from "./references.ts";
import { path, typeOf } from "./schema-places.ts";
import { region } from "./schema-region.ts";
import { choice, count, flag, forms, notAllowed, section, term, wrongType } from "./schema-terms.ts";
import { showValue } from "./secret-text.ts";

const folderVault = section(
  {
    type: z.literal("folder").meta({ description: "A folder on this machine or a mounted disk." }),
    path: path("The folder; relative to the policy's own folder, `~/` is your home directory.", "/srv/holdfast"),
  },
  { description: "A vault in a folder.", unknown: folderKey },
);

function age(description: string, sample: string) {
  return term(parseDays, {
    expects: "whole days such as 30d",
    type: "duration",
    pattern: durationPattern,
    description,
    samples: [sample],
    defaultNote: "never",
  }).optional();
}

/**
 * S3 moves an object to infrequent access 30 days after its creation, and on from there 30 days
 * later, at the earliest.
 */
const minDays = 30;

const tiers = section(
  {
    warm: age("The age at which artifacts move to `STANDARD_IA`: read at once, paid per read; 30d at least.", "30d"),
    cold: age("The age at which they move to `GLACIER_IR`: read at once, expensive to read; 30d after `warm` at least.", "90d"),
    archive: age(
      "The age at which they move to `DEEP_ARCHIVE`: hours pass before one can be read, also by verification; 30d after the tier before it at least.",
      "365d",
    ),
  },
  {
    description:
      "When artifacts move to cheaper storage, by their age; manifests and evidence stay. A lifecycle rule of the bucket does it.",
    samples: [{ warm: "30d", archive: "365d" }],
    minProperties: 1,
  },
)
  .refine((written) => Object.keys(written).length > 0, { error: () => "is empty: write at least one of warm, cold, archive" })
  .refine(({ warm, cold, archive }) => areApart([warm, cold, archive]), {
    error: () => "the ages must rise from warm over cold to archive, each 30d or more after the one before; warm is 30d at least",
  })
  .transform(
    ({ warm, cold, archive }): StorageTiers => ({
      warmDays: warm,
      coldDays: cold,
      archiveDays: archive,
    }),
  );

/**
 * Whether each age that is given is far enough from the one before it; only infrequent access has a
 * least age of its own.
 */
function areApart([warm, ...others]: readonly (number | undefined)[]): boolean {
  let before = warm;
  if (warm !== undefined && warm < minDays) return false;
  for (const days of others) {
    if (days === undefined) continue;
    if (before !== undefined && days < before + minDays) return false;
    before = days;
  }
  return true;
}

const lockModes = ["governance", "compliance"] as const;
const lockForm = "governance or compliance";

/**
 * The short form; a choice would not do, because forms of one value are told apart by their types.
 */
function parseLockMode(text: string): { readonly value: S3Vault["lock"] & object } | { readonly problem: string } {
  const mode = lockModes.find((allowed) => allowed === text);
  return mode === undefined ? { problem: notAllowed(text, lockModes) } : { value: { mode } };
}

const lock = forms(
  [
    term(parseLockMode, {
      expects: lockForm,
      description: "The mode of the locks.",
      samples: ["governance"],
      pattern: "^(governance|compliance)$",
    }),
    section(
      {
        mode: choice(lockModes, {
          description:
            "`governance`: only identities with the right to bypass it can delete what is locked. `compliance`: nobody can, the account's root included, and a lock set too long stays.",
          samples: ["compliance"],
        }),
      },
      { description: "A lock in its long form." },
    ),
  ],
  {
    expects: lockForm,
    description:
      "Lock every object at its write, for the shortest time that retention keeps its kind; prune extends the locks of what is kept longer. Needs a bucket with Object Lock, and `state`.",
    samples: ["governance"],
    defaultNote: "nothing is locked",
  },
);

/** Beyond it, somebody should hear of the failure instead. */
const maxRetrySeconds = 3_600;

function parseRetryTime(text: string): Parsed<number> {
  const parsed = parseDuration(text);
  if ("problem" in parsed || parsed.value <= maxRetrySeconds) return parsed;
  return { problem: `${showValue(text)} is too long; write a duration from 1m to 1h` };
}

const s3Vault = section(
  {
    type: z.literal("s3").meta({ description: "A bucket of AWS S3 or of a compatible provider." }),
    bucket: term(parseBucket, {
      expects: "the name of a bucket",
      description: "The bucket.",
      samples: ["acme-backups"],
      pattern: "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
    }),
    prefix: term(parsePrefix, {
      expects: "a prefix such as production",
      description: "The part of every key before Holdfast's own layout; empty for the whole bucket.",
      samples: ["production"],
    }).prefault(""),
    region: region.optional(),
    endpoint: term(parseEndpoint, {
      expects: "an address such as https://s3.example.com",
      description: "The address of an S3-compatible provider. Plain http is accepted for this machine only.",
      samples: ["https://s3.eu-central-003.backblazeb2.com"],
      defaultNote: "AWS",
      pattern: "^https?://",
    }).optional(),
    pathStyle: flag({
      description: "Whether the bucket stands in the path instead of the host name, as many self-hosted servers need it.",
      samples: [true],
      defaultNote: "false",
    }).optional(),
    partsLimit: count(10_000, {
      description: "The most parts a multipart upload may have; some providers allow 1,000.",
      samples: [1_000],
    }).prefault(defaultPartsLimit),
    checksums: choice(["supported", "required"], {
      description:
        "`supported` sends a checksum with every request that takes one; `required` only where the operation demands it, for providers that refuse the others.",
      samples: ["required"],
    }).prefault(defaultChecksums),
    retryFor: term(parseRetryTime, {
      expects: "a duration from 1m to 1h, such as 5m",
      type: "duration",
      pattern: durationPattern,
      description:
        "How long a request is tried again while the store does not answer or answers with errors that pass (a restart, 503 SlowDown). A backup ends earlier when its lease of 10 minutes cannot be renewed.",
      samples: ["5m"],
      defaultNote: "5m",
    }).optional(),
    lock: lock.optional(),
    state: term(parseStateAddress, {
      expects: stateForm,
      pattern: "^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?$",
      description:
        "Another bucket of the same provider, without Object Lock, for leases and read marks; required with `lock`, because a locked lease could not be given back.",
      samples: ["s3://acme-backups-state"],
      defaultNote: "the vault itself",
    }).optional(),
    tiers: tiers.optional(),
  },
  { description: "A vault in a bucket.", dependentRequired: { lock: ["state"] } },
)
  .refine(({ lock, state }) => lock === undefined || state !== undefined, {
    error: () =>
      "needs state beside it, such as state: s3://acme-backups-state; in a bucket with Object Lock, leases could not be given back",
    path: ["lock"],
  })
  .refine(({ bucket, state }) => state?.bucket !== bucket, {
    error: () => "must be another bucket than the vault's own",
    path: ["state"],
  })
  .transform(({ retryFor, ...vault }) => ({ ...vault, retrySeconds: retryFor }));

function folderKey(key: string): string | undefined {
  return key === "lock" ? "a folder cannot lock what it holds; only a bucket can (type: s3)" : undefined;
}

const vaultTypes = ["folder", "s3"] as const;

export const vault = forms(
  [
    term(parseVaultAddress, {
      expects: vaultForm,
      pattern: "^(folder:.+|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?)$",
      description: "`folder:PATH` or `s3://BUCKET/PREFIX`.",
      samples: ["folder:/srv/holdfast", "s3://acme-backups"],
    }),
    z.discriminatedUnion("type", [folderVault, s3Vault], {
      error: (issue) =>
        issue.code === "invalid_union" ? notAllowed(typeOf(issue.input), vaultTypes) : wrongType(issue.input, vaultForm),
    }),
  ],
  {
    expects: `${vaultForm}, or a mapping with type and its options`,
    description: "Where backups live. One vault may serve many sources.",
    samples: ["s3://acme-backups"],
  },
);
