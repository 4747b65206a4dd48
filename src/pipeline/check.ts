/**
 * The step that looks at everything a policy needs before it is needed: keys, vaults, sources.
 * Finds, never throws for what a user can fix.
 */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, isAbsolute, relative } from "node:path";
import type { Finding } from "../engines/finding.ts";
import { HoldfastError, isHoldfastError } from "../errors/holdfast-error.ts";
import type { KeyConfig, SourceConfig, VaultConfig } from "../policy/policy.ts";
import { formatBytes } from "../report/format.ts";
import { openVault } from "../vault/documents/vault.ts";
import type { ObjectStore } from "../vault/object-store.ts";
import { type AlertCheckOptions, checkAlerts } from "./check/check-alerts.ts";
import { checkCatalogue, lookInto, type NewestBackups, nameIn } from "./check/check-catalogue.ts";
import { checkHidden } from "./check/check-hidden.ts";
import { checkSigning } from "./check/check-signing.ts";
import { checkWriting } from "./check/check-writing.ts";
import { findInstructionsProblem } from "./export/vault-instructions.ts";
import { describeUnopenable, findUnopenable } from "./opening/unopenable.ts";
import type { PipelineContext } from "./pipeline-context.ts";
import { repairVault } from "./repair-vault.ts";
import { requireTemporaryDirectory } from "./runs/temporary-directory.ts";

/**
 * A finding and what it is about: `source shop`, `vault main`, `key main`, `this machine`,
 * `alerts`.
 */
export interface CheckedFinding extends Finding {
  readonly about: string;
}

export interface CheckOptions {
  /**
   * Writes a vault's holdfast.json and RESTORE.md anew where they are lost or others changed them.
   */
  readonly repair?: boolean | undefined;
}

/**
 * Checks the whole policy, or, with `sourceName`, that source with its vault and key. Writes one
 * small object to each vault and takes it back.
 */
export async function checkPolicy(
  context: PipelineContext,
  sources: readonly SourceConfig[],
  options: AlertCheckOptions & CheckOptions = { deployed: false },
): Promise<CheckedFinding[]> {
  const { policy } = context;
  const findings: CheckedFinding[] = about("this machine", await checkTemporaryDirectory(context));
  for (const name of new Set(sources.map((source) => source.key))) {
    const key = policy.keys[name];
    if (key === undefined) continue;
    findings.push(...about(`key ${name}`, await checkKey(context, key)));
    findings.push(...about(`key ${name}`, await checkSigning(key)));
  }
  const newest: NewestBackups = new Map();
  for (const name of new Set(sources.map((source) => source.vault))) {
    const vault = policy.vaults[name];
    if (vault === undefined) continue;
    findings.push(...about(`vault ${name}`, await checkVault(context, vault, options.repair === true, newest)));
  }
  for (const source of sources) {
    const found = await checkSource(context, source);
    findings.push(...about(`source ${source.name}`, options.deployed ? found.map(asElsewhere) : found));
    findings.push(...about(`source ${source.name}`, await checkOpenable(context, source, newest)));
  }
  findings.push(...about("alerts", await checkAlerts(context, options)));
  return findings;
}

function about(subject: string, findings: readonly Finding[]): CheckedFinding[] {
  return findings.map(({ ofMachine: _ofMachine, ...finding }) => ({ about: subject, ...finding }));
}

/** A stack's functions have programs of their own: what a desk lacks is no fault of the stack. */
function asElsewhere({ remedy, ...finding }: Finding): Finding {
  if (finding.ofMachine !== true || finding.level === "ok") return { ...finding, ...(remedy === undefined ? {} : { remedy }) };
  return { ...finding, level: "note", message: `on this machine, not in the stack: ${finding.message}` };
}

/**
 * Restores and restore tests work there; a backup does not, and must not be kept from running by
 * it.
 */
async function checkTemporaryDirectory({ run }: PipelineContext): Promise<readonly Finding[]> {
  return finding("temporary files", async () => {
    const freeBytes = await requireTemporaryDirectory(run.temporaryDirectory);
    return [{ level: "ok", subject: "temporary files", message: `${run.temporaryDirectory} has ${formatBytes(freeBytes)} free` }];
  });
}

async function checkSource(context: PipelineContext, source: SourceConfig): Promise<readonly Finding[]> {
  return finding("connection", async () => (await context.engineOf(source.engine)).check(source, context.run));
}

/**
 * Whether the policy's keys open what was sealed before. A vault that cannot be read has a finding
 * of its own.
 */
async function checkOpenable(context: PipelineContext, source: SourceConfig, newest: NewestBackups): Promise<readonly Finding[]> {
  try {
    const ids = newest.get(nameIn(source.vault, source.name)) ?? [];
    if (ids.length === 0) return [];
    const found = await findUnopenable(context, await context.vaultOf(source.vault), source.name, ids);
    const remedy = "Put the key file back, and name it after the new one in the policy's keys: the first seals, all of them open.";
    return found.map((each) => ({ level: "error", subject: "older backups", message: describeUnopenable(each), remedy }));
  } catch (error) {
    if (!isHoldfastError(error) || error.name === "Interrupted") throw error;
    return [];
  }
}

async function checkKey(context: PipelineContext, key: KeyConfig): Promise<readonly Finding[]> {
  return finding("key", async () => {
    const keys = await context.keysOf(key.name);
    const keyId = await keys.sealingKeyId();
    const findings: Finding[] = [{ level: "ok", subject: "key", message: `seals with ${keyId}${describeOthers(key)}` }];
    if (key.keys[0].type === "file") findings.push(await checkFileSigning(key));
    const vaults = Object.values(context.policy.vaults);
    for (const reference of key.keys) {
      const inside = vaults.find(
        (vault) => reference.type === "file" && vault.type === "folder" && isInside(vault.path, reference.path),
      );
      if (inside === undefined) continue;
      findings.push({
        level: "error",
        subject: "key",
        message: `the key file lies inside vault "${inside.name}": a thief of the vault gets both, and a lost vault loses both`,
        remedy: "Move the key file out of the vault, and change its path in the policy.",
      });
    }
    return findings;
  });
}

/** With the public key, for the policies of machines that have no key file. */
async function checkFileSigning(key: KeyConfig): Promise<Finding> {
  const { openSigner, publicKeyOfFirst } = await import("../sealing/signing.ts");
  const { keyId } = await openSigner(key);
  return { level: "ok", subject: "signing", message: `signs with ${keyId}, whose public key is ${await publicKeyOfFirst(key)}` };
}

function describeOthers({ keys }: KeyConfig): string {
  const others = keys.length - 1;
  if (others === 0) return "";
  return others === 1 ? "; 1 older key opens what it sealed" : `; ${others} older keys open what they sealed`;
}

function isInside(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== "" && !way.startsWith("..") && !isAbsolute(way);
}

async function checkVault(
  context: PipelineContext,
  vault: VaultConfig,
  repair: boolean,
  newest: NewestBackups,
): Promise<readonly Finding[]> {
  const rights = { StoreAccessDenied: rightsOn(vault) };
  const store = await context.storeOf(vault.name);
  if (vault.type === "folder" && !(await isThere(vault.path))) return finding("vault", () => checkParent(vault.path), rights);
  return [
    ...(repair ? await finding("repair", () => repairVault(context, store), rights) : []),
    ...(await finding("vault", () => checkFormat(context, vault, store), rights)),
    ...(await finding(
      "backups",
      async () => checkCatalogue(context, vault.name, await lookInto(context, vault, store), newest),
      rights,
    )),
    ...(await finding("bucket", () => store.inspect(context.run.clock), rights)),
    ...(await finding("deleted backups", async () => checkHidden(await lookInto(context, vault, store)), rights)),
    ...(await finding("state", () => checkState(context, vault), rights)),
  ];
}

/**
 * Where the vault's leases are, when not in the vault: it must take them back, which a bucket that
 * locks does not.
 */
async function checkState(context: PipelineContext, vault: VaultConfig): Promise<readonly Finding[]> {
  if (vault.type !== "s3" || vault.state === undefined) return [];
  const state = await context.stateStoreOf(vault.name);
  const locked = (await state.inspect(context.run.clock)).filter(({ subject, level }) => subject === "lock" && level !== "ok");
  if (locked.length > 0) {
    const remedy = "Name a bucket without Object Lock as the vault's state.";
    return [
      { level: "error", subject: "state", message: `${state.url} locks what it holds; no lease can be released there`, remedy },
    ];
  }
  return checkWriting(context, state, "state", { artifacts: false });
}

/** The catalogue's own hint would send the reader to the very check that runs. */
function rightsOn(vault: VaultConfig): string {
  return vault.type === "folder"
    ? `Let this user read, write and search ${vault.path} and pass through the directories above it, or name another folder in the policy.`
    : "Let this identity list the bucket and read, write and delete its objects.";
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    // Its own check says what is in the way.
    return true;
  }
}

/** The folder is made with the first backup, and not by a check: its name may be mistyped. */
async function checkParent(path: string): Promise<readonly Finding[]> {
  let parent = dirname(path);
  while (parent !== dirname(parent) && !(await isThere(parent))) parent = dirname(parent);
  try {
    await access(parent, constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === "EROFS" ? "read-only file system" : "permission denied";
    throw new HoldfastError("StoreAccessDenied", `${path} does not exist, and cannot be created in ${parent}: ${why}`);
  }
  const message = `${path} does not exist yet`;
  return [
    {
      level: "warning",
      subject: "vault",
      message,
      remedy: "Check the path in the policy; the first `holdfast backup` creates it.",
    },
  ];
}

async function checkFormat(context: PipelineContext, vault: VaultConfig, store: ObjectStore): Promise<readonly Finding[]> {
  try {
    await openVault(store);
  } catch (error) {
    if (!isHoldfastError(error, "VaultNotFound")) throw error;
    const message = `${store.url} contains no vault yet`;
    const remedy = "Check the address in the policy; the first `holdfast backup` creates it.";
    // A bucket is tried all the same: whether it takes what a backup writes is told by nothing
    // else.
    const writing = vault.type === "folder" ? [] : await checkWriting(context, store, "writing", { artifacts: true });
    return [{ level: "warning", subject: "vault", message, remedy }, ...writing];
  }
  const problem = await findInstructionsProblem(context.engines, store);
  return [
    { level: "ok", subject: "vault", message: `${store.url} is a vault that this version reads` },
    ...(problem === undefined ? [] : [{ level: "error", subject: "instructions", ...problem } as const]),
    ...(await checkWriting(context, store, "writing", { artifacts: true })),
  ];
}

/**
 * Runs one check; an error of the catalogue becomes a finding with its hint, or with the remedy
 * given for errors of its name.
 */
async function finding(
  subject: string,
  check: () => Promise<readonly Finding[]>,
  remedies: Partial<Readonly<Record<string, string>>> = {},
): Promise<readonly Finding[]> {
  try {
    return await check();
  } catch (error) {
    if (isHoldfastError(error)) {
      if (error.name === "Interrupted") throw error;
      const details = error.details.filter((detail) => !error.message.includes(detail));
      const remedy = remedies[error.name] ?? error.hint;
      return [{ level: "error", subject, message: [error.message, ...details].join("; "), remedy }];
    }
    return [{ level: "error", subject, message: error instanceof Error ? error.message : String(error) }];
  }
}
