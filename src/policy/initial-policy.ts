/** The commented policy that `holdfast init` writes. */
import { HoldfastError } from "../errors/holdfast-error.ts";
import { type EnginePolicies, type EnginePolicy, findEngine } from "./engine-policy.ts";
import { enginePolicies } from "./engines.ts";

export interface InitialPolicyOptions {
  /** One of the engines' names. */
  readonly engine: string;
  readonly source: string;
  /**
   * Values of the engine's own options, by their names; an option with a default may be left out.
   */
  readonly values: Readonly<Record<string, string | undefined>>;
  /** `folder:PATH` or `s3://BUCKET/PREFIX`. */
  readonly vault: string;
  /** The key file. */
  readonly keyPath: string;
}

/**
 * The policy's text. It parses when its options are valid; what is wrong with them, `parsePolicy`
 * says.
 * Errors: UsageInvalid, for an engine that is not there and for an option that it needs.
 */
export function initialPolicy(options: InitialPolicyOptions, engines: EnginePolicies = enginePolicies): string {
  const engine = findEngine(engines, options.engine);
  if (engine === undefined) {
    throw new HoldfastError("UsageInvalid", `there is no engine "${options.engine}"`, {
      hint: `Name one of: ${engines.map(({ name }) => name).join(", ")}.`,
    });
  }
  const source = engine.initial.lines(valuesFor(engine, options.values), commonKeys());
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

/** The options' values as YAML texts. */
function valuesFor({ name, initial }: EnginePolicy, given: InitialPolicyOptions["values"]): Record<string, string> {
  return Object.fromEntries(
    initial.options.map((option) => {
      const value = given[option.name] ?? option.default;
      if (value !== undefined) return [option.name, writeText(value)];
      const message = `init --engine ${name} needs --${option.name} <${option.value}>, ${option.description}`;
      throw new HoldfastError("UsageInvalid", message, {
        hint: `Give it: \`holdfast init --engine ${name} --${option.name} ${option.sample}\`.`,
      });
    }),
  );
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

/**
 * A text as YAML writes it: plain where nothing in it means something to YAML, else in double
 * quotes.
 */
function writeText(text: string): string {
  const plain =
    /^[A-Za-z~./][\w~./@+:-]*$/.test(text) && !text.endsWith(":") && !/^(true|false|null|~|\.+(inf|nan)?|\.\d.*)$/i.test(text);
  return plain ? text : JSON.stringify(text);
}
