/**
 * The commands that --stack sends to the stack's state machines; each checks what it can before
 * anything is started, and alerts.
 */
import { hostname, userInfo } from "node:os";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { findInVaults } from "../../pipeline/catalogue/find-backups.ts";
import { type PipelineContext, requireSource } from "../../pipeline/pipeline-context.ts";
import type { BackupKind } from "../../policy/policy.ts";
import { stackTargetPattern, stackTargetProblem } from "../../policy/stack-target.ts";
import { engineFlagsIn, engineValuesIn } from "../engine-options.ts";
import { requireTarget } from "../restore-target.ts";
import type { Outcome, Session } from "../session.ts";
import { executionName } from "./machine.ts";
import { requireStack, runMachine } from "./run-machine.ts";

export interface StackBackupOptions {
  readonly kind: BackupKind;
  readonly verify: boolean;
  readonly prune: boolean;
  readonly alert?: boolean | undefined;
}

/** `holdfast --stack S backup <source>`. */
export async function backupOnStack(session: Session, source: string, options: StackBackupOptions): Promise<Outcome> {
  if (!options.verify) throw notThere("--no-verify", "the stack reads every backup back");
  if (!options.prune) throw notThere("--no-prune", "the stack prunes as the policy says");
  refuseAlert(options);
  const { name } = requireSource(session.context.policy, source);
  return runMachine(session, { machine: "backup", subject: name, input: { source: name, kind: options.kind } });
}

/**
 * `holdfast --stack S restore-test [backup]`: one backup, a source's newest, or, by the fleet,
 * every source's newest.
 */
export async function restoreTestOnStack(
  session: Session,
  reference: string | undefined,
  options: { readonly alert?: boolean | undefined } = {},
): Promise<Outcome> {
  refuseAlert(options);
  if (reference === undefined) {
    return runMachine(session, { machine: "fleet", subject: "restore-test", input: { what: "restore-test", sources: [] } });
  }
  const { policy } = session.context;
  const input = Object.hasOwn(policy.sources, reference) ? { source: reference } : await nameBackup(session.context, reference);
  return runMachine(session, { machine: "restore-test", subject: input.source, input });
}

export interface StackVerifyOptions {
  readonly source?: string | undefined;
  readonly all?: boolean | undefined;
  readonly accept?: string | undefined;
  readonly alert?: boolean | undefined;
}

/**
 * `holdfast --stack S verify`: many backups are the machine's work; one, or a word about one, is
 * this machine's.
 */
export async function verifyOnStack(
  session: Session,
  reference: string | undefined,
  options: StackVerifyOptions,
): Promise<Outcome> {
  const { source, all, accept } = options;
  refuseAlert(options);
  if (reference !== undefined || accept !== undefined || (source === undefined) === (all === undefined)) {
    if (reference !== undefined && accept === undefined) {
      session.terminal.note("the stack verifies whole sources; this one backup is read back by this machine");
    }
    return (await import("../commands/verify.ts")).verify(session, reference, options);
  }
  const sources = source === undefined ? [] : [requireSource(session.context.policy, source).name];
  // Asked for by hand, everything is due, however recently it was read.
  return runMachine(session, { machine: "verify", subject: source ?? "all", input: { sources, olderThanHours: 0 } });
}

export interface StackRestoreOptions {
  readonly to?: string | undefined;
  readonly keep?: string | undefined;
  readonly overwrite?: boolean | undefined;
  readonly swap?: boolean | undefined;
  readonly swapBack?: boolean | undefined;
  readonly safetyBackup?: boolean | undefined;
  readonly assertions?: boolean | undefined;
  readonly ignoreRoom?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  readonly allowDamaged?: boolean | undefined;
  readonly discardDifferent?: boolean | undefined;
  /** Why, where something is replaced. */
  readonly reason?: string | undefined;
  readonly request?: string | undefined;
  readonly until?: string | undefined;
  readonly only?: readonly string[] | undefined;
  readonly alert?: boolean | undefined;
  /** Switches that engines add. */
  readonly [flag: string]: unknown;
}

/**
 * `holdfast --stack S restore <backup> --to <target>`: to a new target; over what is there, once a
 * second person has approved it.
 */
export async function restoreOnStack(session: Session, reference: string, options: StackRestoreOptions): Promise<Outcome> {
  refuseAlert(options);
  if (options.keep !== undefined) {
    throw new HoldfastError(
      "RestoreRefused",
      "--keep is for one machine: a stack's functions end with their work, and no server stays up in them",
      {
        hint: "Restore there to a new database with --to, or run it on a machine that can read the vault: `holdfast --policy FILE restore … --keep 4h`.",
      },
    );
  }
  if (options.swapBack === true) {
    throw new HoldfastError("RestoreRefused", "a stack does not take an overwrite back", {
      hint: "Run it on a machine that reaches the server: `holdfast --policy FILE restore … --swap-back`, with the same policy.",
    });
  }
  if (options.allowDamaged === true) {
    throw new HoldfastError("RestoreRefused", "a stack keeps nothing of a damaged backup", {
      hint: "Salvage it on a machine of your own: `holdfast --policy FILE restore … --allow-damaged`, with the same policy.",
    });
  }
  const { flags, values } = engineOptionsOf(session, options);
  const refused = [
    ...[...flags].filter((flag) => !Object.hasOwn(stackFlags, flag)),
    ...(options.safetyBackup === false ? ["no-safety-backup"] : []),
    ...(options.discardDifferent === true ? ["discard-different"] : []),
    ...(options.until === undefined ? [] : ["until"]),
    ...(options.request === undefined ? [] : ["request"]),
  ];
  if (refused.length > 0) {
    throw new HoldfastError("RestoreRefused", `a stack's restore does not take --${refused.join(" or --")}`, {
      hint: "Restore without it, or from a machine of your own: `holdfast --policy FILE restore …`, with the same policy.",
    });
  }
  const to = requireTarget(options);
  refuseTarget(to);
  const { source, backup } = await nameBackup(session.context, reference);
  const config = requireSource(session.context.policy, source);
  if (config.traits.reach === "machine") {
    throw new HoldfastError("RestoreRefused", `${source} lies on one machine, and a stack cannot restore to it`, {
      hint: "Run the restore on the machine that will hold the files: `holdfast --policy FILE restore … --to DIRECTORY`, with the same policy.",
    });
  }
  const asked = {
    ...Object.fromEntries(values),
    ...Object.fromEntries([...flags].map((flag) => [stackFlags[flag] ?? flag, true])),
    ...(options.assertions === false ? { assertions: false } : {}),
    ...(options.ignoreRoom === true ? { ignoreRoom: true } : {}),
    ...(options.only === undefined ? {} : { only: options.only }),
  };
  const replaces = { ...(options.overwrite === true ? { overwrite: true } : {}), ...(options.swap === true ? { swap: true } : {}) };
  if (Object.keys(replaces).length > 0 && options.dryRun !== true)
    return (await import("./approvals.ts")).askForRestore(
      session,
      { source, backup, to, options: { ...asked, ...replaces } },
      options.reason,
    );
  const input = { source, backup, to, requestedBy: whoAsks(), ...(Object.keys(asked).length === 0 ? {} : { options: asked }) };
  if (options.dryRun === true) return describePlan(session, input);
  return runMachine(session, { machine: "restore", subject: source, input });
}

/** Switches that a stack's restore takes, as its input calls them (functions/restore.ts). */
const stackFlags: Readonly<Record<string, string>> = {
  "no-owner": "noOwner",
  "no-privileges": "noPrivileges",
  "no-tablespaces": "noTablespaces",
  "schema-only": "schemaOnly",
  "end-connections": "endConnections",
};

function engineOptionsOf({ context }: Session, options: StackRestoreOptions) {
  const { policies } = context.engines;
  return { flags: engineFlagsIn(options, policies), values: engineValuesIn(options, policies) };
}

function describePlan(session: Session, input: { readonly source: string; readonly backup: string; readonly to: string }): Outcome {
  const machine = `${requireStack(session)}-restore`;
  const name = executionName("restore", input.source, session.context.run.clock.now());
  return {
    document: { dryRun: true, machine, name, input },
    lines: [
      `would start ${name} on ${machine}, with the input`,
      `  ${JSON.stringify(input)}`,
      `which restores ${input.backup} of ${input.source} to ${input.to}, compares it with the backup, and notifies the policy's channels`,
    ],
  };
}

/**
 * The input stays in the execution's history; the text is not repeated in the message, for it may
 * hold a password.
 */
function refuseTarget(to: string): void {
  if (stackTargetPattern.test(to)) return;
  throw new HoldfastError("UsageInvalid", `the target after --to ${stackTargetProblem}`, {
    hint: "Name a new database, or add the connection to the policy's restoreTargets as a secret and deploy again.",
  });
}

/**
 * The source and the backup that a reference means. `<source>@latest` is left to the machine;
 * anything else is looked up in the vault, with the caller's own rights. Errors: SourceNotFound,
 * those of findInVaults.
 */
async function nameBackup(
  context: PipelineContext,
  reference: string,
): Promise<{ readonly source: string; readonly backup: string }> {
  const [, source] = /^(.+)@latest$/.exec(reference) ?? [];
  if (source !== undefined) return { source: requireSource(context.policy, source).name, backup: "latest" };
  const { entry, until } = await findInVaults(context, reference);
  if (until !== undefined) {
    throw new HoldfastError("UsageInvalid", `${reference} is within ${entry.id}, and a stack restores backups to their end only`, {
      hint: `Restore it from a machine that can read the vault, without --stack, or name ${entry.id} itself.`,
    });
  }
  return { source: requireSource(context.policy, entry.source).name, backup: entry.id };
}

/** For people who read the alert and the history; CloudTrail knows the identity. */
function whoAsks(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A user id without an entry in /etc/passwd has no name.
    return `uid ${process.getuid?.() ?? "unknown"}@${hostname()}`;
  }
}

function refuseAlert({ alert }: { readonly alert?: boolean | undefined }): void {
  if (alert === true) throw notThere("--alert", "the stack's machines alert by themselves");
}

function notThere(option: string, reason: string): HoldfastError {
  return new HoldfastError("UsageInvalid", `${option} does not go with --stack: ${reason}`, { hint: `Leave ${option} out.` });
}
