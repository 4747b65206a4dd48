/** `holdfast init`: a commented policy and a key file; never overwrites either. */
import { randomBytes } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { EnginePolicies } from "../../policy/engine-policy.ts";
import { enginePolicies } from "../../policy/engines.ts";
import { initialPolicy } from "../../policy/initial-policy.ts";
import { parsePolicy } from "../../policy/parse-policy.ts";
import { systemClock } from "../../runtime/clock.ts";
import { publicKeyOf } from "../../sealing/file-signer.ts";
import { createKeyFile, readKeyFile } from "../../sealing/key-file.ts";
import { defaultPolicyFile, invocationOn } from "../policy-source.ts";
import type { Outcome } from "../session.ts";
import type { Terminal } from "../terminal.ts";

/** As they are written on the command line. */
export interface InitCommandOptions {
  readonly engine: string;
  readonly source: string;
  readonly vault: string;
  readonly key: string;
  readonly keyOnly?: boolean | undefined;
}

interface InitOptions extends InitCommandOptions {
  readonly policy: string;
  /** Values of the engine's own options (engine-options.ts). */
  readonly values: Readonly<Record<string, string | undefined>>;
}

interface KeyFile {
  readonly path: string;
  readonly id: string;
  /** Of its signing key, for the policies of machines that have no key. */
  readonly publicKey: string;
  readonly created: boolean;
}

/**
 * Writes a policy and its key, or, with `keyOnly`, a key alone: for a policy that exists, and for a
 * rotation.
 */
export async function initialise(
  terminal: Terminal,
  options: InitOptions,
  engines: EnginePolicies = enginePolicies,
): Promise<Outcome> {
  if (options.keyOnly === true) return makeKeyOnly(terminal, options);
  const policyPath = resolve(options.policy);
  const { engine, source, values, vault } = options;
  const text = initialPolicy({ engine, source, values, vault, keyPath: options.key }, engines);
  // What the arguments put into the policy is checked before anything is written.
  parsePolicy(text, policyPath, { directory: dirname(policyPath), home: homedir(), engines });
  await writeNew(policyPath, text);
  const key = await ensureKey(keyPathOf(options, dirname(policyPath))).catch(async (error: unknown) => {
    // Else the next try would find a policy in its way.
    await rm(policyPath, { force: true });
    throw error;
  });
  const holdfast = options.policy === defaultPolicyFile ? "holdfast" : invocationOn({ file: options.policy });
  return {
    document: { policy: policyPath, key },
    lines: [
      `wrote ${policyPath}`,
      ...describeKey(terminal, key),
      `next: \`${holdfast} check\`, then \`${holdfast} backup ${options.source}\``,
    ],
  };
}

async function makeKeyOnly(terminal: Terminal, options: InitOptions): Promise<Outcome> {
  const key = await ensureKey(keyPathOf(options, process.cwd()));
  return { document: { key }, lines: describeKey(terminal, key) };
}

function keyPathOf({ key }: InitOptions, directory: string): string {
  return resolve(directory, key.replace(/^~(?=\/)/, homedir()));
}

function describeKey(terminal: Terminal, { path, id, publicKey, created }: KeyFile): string[] {
  return [
    created ? `wrote ${path} (${id}, readable by you only)` : `found the key ${path} (${id}) and left it as it is`,
    `  the public key of its signatures, no secret: ${publicKey}`,
    terminal.style(["yellow", "bold"], "keep a copy of the key apart from the vault"),
    "  without it no backup can be opened, by anyone, ever; anyone who has it can open them all",
  ];
}

async function ensureKey(path: string): Promise<KeyFile> {
  try {
    const { keyId } = await createKeyFile(path, { randomBytes: (count) => randomBytes(count), now: systemClock.now() });
    return { path, id: keyId, publicKey: publicKeyOf((await readKeyFile(path)).key), created: true };
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.name !== "ObjectExists") throw error;
    const { keyId, key } = await readKeyFile(path);
    return { path, id: keyId, publicKey: publicKeyOf(key), created: false };
  }
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, "wx", 0o644);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") {
      throw new HoldfastError("UsageInvalid", `${path} exists already, and is left as it is`, {
        cause: error,
        hint: "Edit that file, name another with --policy, or make a key alone with --key-only.",
      });
    }
    const why = code === "ENOENT" ? `${dirname(path)} does not exist` : String(code);
    throw new HoldfastError("UsageInvalid", `the policy cannot be written to ${path}: ${why}`, {
      cause: error,
      hint: "Name a file in a directory that exists and that you may write to, with --policy.",
    });
  }
}
