/** The schema of keys and references to secrets: where things stand. Vaults: schema-vaults.ts. */
import * as z from "zod";
import { parseRotation } from "./days.ts";
import { withoutUndefined } from "./defined.ts";
import { durationPattern } from "./duration.ts";
import type { ConnectionReference, SecretReference } from "./policy.ts";
import {
  keyForm,
  parseEndpoint,
  parseEnvName,
  parseKeyReference,
  parseKmsKeyId,
  parsePathText,
  parsePublicKey,
  parseSecretId,
  parseSecretReference,
  parseServiceName,
  parseWebhookReference,
  secretForm,
  webhookForm,
} from "./references.ts";
import { rdsConnection } from "./schema-rds.ts";
import { region } from "./schema-region.ts";
import { forms, list, notAllowed, section, term, wrongType } from "./schema-terms.ts";

export function path(description: string, ...samples: string[]) {
  return term(parsePathText, { expects: "a path", type: "path", description, samples });
}

const keyText = term(parseKeyReference, {
  expects: keyForm,
  pattern: "^(file|kms):.+$",
  description: "`file:PATH` (a key file written by `holdfast init`) or `kms:KEY` (an alias, id or ARN of AWS KMS).",
  samples: ["kms:alias/holdfast", "file:~/.config/holdfast/main.key"],
});

export function publicKey(whose: string) {
  return term(parsePublicKey, {
    expects: "a public key in base64",
    pattern: "^[A-Za-z0-9+/]+={0,2}$",
    description: `The public half of ${whose}: its SubjectPublicKeyInfo in base64. Signatures are checked with it; it is not a secret.`,
    samples: ["MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
  });
}

const signing = section(
  {
    key: term(parseKmsKeyId, {
      expects: "an alias, id or ARN of a KMS key",
      description: "An asymmetric key for signing, of type `ECC_NIST_P256`: an alias, an id, or the ARN of either.",
      samples: ["alias/holdfast-signing"],
    }),
    publicKey: publicKey("that key, as `holdfast check` shows it; without it, KMS is asked for it at each run").optional(),
  },
  { description: "What signs evidence, holds and tombstones. It is in the same region, and behind the same endpoint." },
);

const kmsKey = section(
  {
    type: z.literal("kms").meta({ description: "A key of AWS KMS." }),
    keyId: term(parseKmsKeyId, {
      expects: "an alias, id or ARN of a KMS key",
      description: "An alias, an id, or the ARN of either.",
      samples: ["alias/holdfast"],
    }),
    region: region.optional(),
    endpoint: term(parseEndpoint, {
      expects: "an address such as https://kms.example.com",
      description: "Another address of the KMS API. Plain http is accepted for this machine only.",
      samples: ["https://vpce-0a1b2c3d.kms.eu-central-1.vpce.amazonaws.com"],
      defaultNote: "AWS",
      pattern: "^https?://",
    }).optional(),
    rotation: term(parseRotation, {
      expects: "whole days such as 90d",
      type: "duration",
      pattern: durationPattern,
      description:
        "How often KMS gives the key new material, 90d to 2560d; what the old sealed still opens. For the stack that makes the key; for shorter periods put a new key first in the list.",
      samples: ["90d"],
      defaultNote: "365d",
    }).optional(),
    signing: signing.optional(),
  },
  { description: "A key of AWS KMS with its rarer options." },
);

const fileKey = section(
  {
    type: z.literal("file").meta({ description: "A key file written by `holdfast init`." }),
    path: path("The key file; relative to the policy's own folder, `~/` is your home directory.", "~/.config/holdfast/main.key"),
    publicKey: publicKey(
      "the signing key that belongs to it, as `holdfast init` prints it; for machines without the file",
    ).optional(),
  },
  { description: "A key in a file." },
);

const keyLong = z.discriminatedUnion("type", [fileKey, kmsKey], {
  error: (issue) =>
    issue.code === "invalid_union" ? notAllowed(typeOf(issue.input), ["file", "kms"]) : wrongType(issue.input, keyForm),
});

export const key = forms(
  [
    keyText,
    keyLong,
    list(forms([keyText, keyLong], { expects: keyForm, description: "One key of the list." }), {
      expects: `a list of ${keyForm}`,
      description: "The first key seals new backups; all of them open. To rotate, put the new key first and keep the old ones.",
      samples: [["kms:alias/holdfast-2027", "kms:alias/holdfast"]],
    }),
  ],
  {
    expects: `${keyForm}, a list of these, or a mapping with type and its options`,
    description: "The key that seals backups (AES-256-GCM), or a list of which the first seals and all open.",
    samples: ["kms:alias/holdfast"],
  },
);

/** What the reference calls a text that says where to find a secret. */
export const secretFormName = "reference to a secret";

interface SecretWords {
  readonly description: string;
  readonly samples: readonly unknown[];
}

const whereSecretsStand = {
  env: term(parseEnvName, {
    expects: "the name of an environment variable",
    description: "The environment variable that holds it.",
    samples: ["DATABASE_URL"],
  }).optional(),
  file: path("The file that holds it, readable by its owner only.", "/run/secrets/database-url").optional(),
  secret: term(parseSecretId, {
    expects: "the name of a secret",
    description: "The name or ARN of a secret in AWS Secrets Manager.",
    samples: ["taskmaster/db"],
  }).optional(),
};

const service = term(parseServiceName, {
  expects: "the name of a service entry",
  description: "The entry in libpq's `pg_service.conf`.",
  samples: ["taskmaster"],
}).optional();

const exactlyOne = { description: "Exactly one of these.", unknown: connectionKey, minProperties: 1, maxProperties: 1 };

function hasOneKey(written: object): boolean {
  return Object.keys(written).length === 1;
}

/** Where a PostgreSQL connection stands: a short text, or a mapping with one key. */
export function connectionReference(words: SecretWords) {
  const long = section({ ...whereSecretsStand, service, rds: rdsConnection.optional() }, { ...exactlyOne, expects: secretForm })
    .refine(hasOneKey, { error: () => "needs exactly one of env, file, service, secret, rds" })
    .transform(({ service, rds, ...others }): ConnectionReference => {
      if (rds !== undefined) return { from: "rds", ...withoutUndefined(rds) };
      return service === undefined ? toReference(others) : { from: "service", name: service };
    });
  const short = term(parseSecretReference, {
    expects: secretForm,
    type: secretFormName,
    pattern: "^(env:[A-Za-z_][A-Za-z0-9_]*|(file|service|secret):.+)$",
    description: `One of ${secretForm}.`,
    samples: words.samples.filter((sample) => typeof sample === "string"),
  });
  return forms([short, long], { expects: secretForm, ...words });
}

/** Where a webhook's address stands: a short text, or a mapping with one key. */
export function webhookReference(words: SecretWords) {
  const long = section(whereSecretsStand, { ...exactlyOne, expects: webhookForm })
    .refine(hasOneKey, { error: () => "needs exactly one of env, file, secret" })
    .transform(toReference);
  const short = term(parseWebhookReference, {
    expects: webhookForm,
    type: secretFormName,
    pattern: "^(env:[A-Za-z_][A-Za-z0-9_]*|(file|secret):.+)$",
    description: `One of ${webhookForm}.`,
    samples: words.samples,
  });
  return forms([short, long], { expects: webhookForm, ...words });
}

function toReference(written: {
  readonly env?: string | undefined;
  readonly file?: string | undefined;
  readonly secret?: string | undefined;
}): SecretReference {
  if (written.env !== undefined) return { from: "env", name: written.env };
  if (written.file !== undefined) return { from: "file", path: written.file };
  return { from: "secret", id: written.secret ?? "" };
}

/** People write a connection's parts here, as they are used to; say at once where these belong. */
function connectionKey(key: string): string | undefined {
  if (!/^(host|hostname|port|user|username|password|pass|database|dbname|url|uri|sslmode)$/i.test(key)) return undefined;
  return `unknown key; the policy does not hold a connection's settings, only where to find them: ${secretForm}`;
}

/** What a mapping says that it is. */
export function typeOf(input: unknown): unknown {
  return typeof input === "object" && input !== null && "type" in input ? input.type : undefined;
}
