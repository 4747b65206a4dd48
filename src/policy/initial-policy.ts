/** The commented policy that `holdfast init` writes. */
import type { SourceConfig } from "./policy.ts";

export interface InitialPolicyOptions {
  readonly engine: SourceConfig["engine"];
  readonly source: string;
  /** For postgres: where the connection stands, such as `env:DATABASE_URL`. */
  readonly connection: string;
  /** For files: the directory. */
  readonly path: string;
  /** `folder:PATH` or `s3://BUCKET/PREFIX`. */
  readonly vault: string;
  /** The key file. */
  readonly keyPath: string;
}

/** The policy's text. It parses when its options are valid; what is wrong with them, `parsePolicy` says. */
export function initialPolicy(options: InitialPolicyOptions): string {
  const source = options.engine === "postgres" ? postgresSource(options) : filesSource(options);
  return `# The backup policy: what is backed up, where to, how long it is kept, and how it is proven.
# Check it with \`holdfast check\`; docs/policy-reference.md describes every key.
version: 1

# Schedules and retention's days, weeks, months and years are those of this time zone (an IANA name).
timezone: UTC

# Where backups live: folder:PATH or s3://BUCKET/PREFIX. A folder on the machine that is backed up is lost with it.
vaults:
  main: ${writeText(options.vault)}

# What seals them (AES-256-GCM). Keep a copy of the key apart from the vault: without it, no backup ever opens again.
# To rotate, make this a list with the new key first; the old ones still open what they sealed.
keys:
  main: ${writeText(`file:${options.keyPath}`)}

sources:
  ${writeText(options.source)}:
${source}
# Who is notified when something needs attention: email:ADDRESS, or slack: and where its webhook stands.
# alerts:
#   critical: [email:ops@example.com, slack:env:SLACK_WEBHOOK]
`;
}

function postgresSource(options: InitialPolicyOptions): string {
  return `    engine: postgres

    # Where the connection stands, never the connection itself: env:NAME, file:PATH, service:NAME or secret:ID.
    connection: ${writeText(options.connection)}

${commonKeys()}

    # Rows that are not worth keeping; the tables themselves are.
    # exclude: { data: [public.sessions, "public.cache_*"] }

    # Restore the newest backup into a throwaway server at 04:00 on the first of each month, compare it object by object, and
    # ask it your own questions.
    restoreTest:
      schedule: "0 4 1 * *"
      # assert:
      #   - { sql: "select count(*) from users", atLeast: 1 }
`;
}

function filesSource(options: InitialPolicyOptions): string {
  return `    engine: files

    # The directory; patterns are relative to it.
    path: ${writeText(options.path)}
    # include: ["**/*.env", "certificates/**"]
    # exclude: ["cache/**", "*.tmp"]

${commonKeys()}

    # Extract the newest backup into a private directory at 04:00 on the first of each month, and compare it file by file.
    restoreTest:
      schedule: "0 4 1 * *"
`;
}

function commonKeys(): string {
  return `    # How much it matters: critical (RPO 15m, RTO 1h), important (1h, 4h) or standard (24h, 24h).
    tier: standard
    # objectives: { rpo: 24h, rto: 4h }

    # When: cron with five fields (minute, hour, day of the month, month, day of the week), in quotes.
    backup: { full: "0 2 * * *" }

    # How long: the newest backup of each of 30 days and 12 months stays. The newest good one always does, and nothing younger than
    # minAge is deleted: time to notice an accident.
    retention: { daily: 30, monthly: 12, minAge: 48h }

    # Read backups back again every Sunday at 03:00, besides right after each one is made.
    verify: { schedule: "0 3 * * 0" }`;
}

/** A text as YAML writes it: plain where nothing in it means something to YAML, else in double quotes. */
function writeText(text: string): string {
  const plain =
    /^[A-Za-z~./][\w~./@+:-]*$/.test(text) && !text.endsWith(":") && !/^(true|false|null|~|\.+(inf|nan)?|\.\d.*)$/i.test(text);
  return plain ? text : JSON.stringify(text);
}
