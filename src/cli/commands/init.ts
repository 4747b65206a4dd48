/** `holdfast init`: a commented policy and a key file; never overwrites either. */
import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { initialPolicy } from "../../policy/initial-policy.ts";
import { parsePolicy } from "../../policy/parse-policy.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createKeyFile, readKeyFile } from "../../sealing/key-file.ts";
import type { Outcome } from "../session.ts";
import type { Terminal } from "../terminal.ts";

interface InitOptions {
  readonly policy: string;
  readonly engine: "postgres" | "files";
  readonly source: string;
  readonly connection: string;
  readonly path?: string;
  readonly vault: string;
  readonly key: string;
}

export async function initialise(terminal: Terminal, options: InitOptions): Promise<Outcome> {
  if (options.engine === "files" && options.path === undefined) {
    throw new HoldfastError("UsageInvalid", "init --engine files needs --path <directory>, the tree to back up");
  }
  const policyPath = resolve(options.policy);
  const text = initialPolicy({
    engine: options.engine,
    source: options.source,
    connection: options.connection,
    path: options.path ?? ".",
    vault: options.vault,
    keyPath: options.key,
  });
  // What the arguments put into the policy is checked before anything is written.
  parsePolicy(text, policyPath, { directory: dirname(policyPath), home: homedir() });
  const keyPath = resolve(dirname(policyPath), options.key.replace(/^~(?=\/)/, homedir()));
  await writeNew(policyPath, text);
  const { keyId, created } = await ensureKey(keyPath);
  const warning = [
    terminal.style(["yellow", "bold"], "keep a copy of the key apart from the vault"),
    "  without it no backup can be opened, by anyone, ever; whoever has it can open them all",
  ];
  return {
    document: { policy: policyPath, key: { path: keyPath, id: keyId, created } },
    text: [
      `wrote ${policyPath}`,
      created ? `wrote ${keyPath} (${keyId}, readable by you only)` : `found the key ${keyPath} (${keyId}) and left it as it is`,
      ...warning,
      `next: \`holdfast check\`, then \`holdfast backup ${options.source}\``,
    ].join("\n"),
  };
}

async function ensureKey(path: string): Promise<{ keyId: string; created: boolean }> {
  try {
    const { keyId } = await createKeyFile(path, { randomBytes: (count) => randomBytes(count), now: systemClock.now() });
    return { keyId, created: true };
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.name !== "ObjectExists") throw error;
    return { keyId: (await readKeyFile(path)).keyId, created: false };
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
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EEXIST") {
      throw new HoldfastError("UsageInvalid", `${path} exists already, and is left as it is`, {
        cause: error,
        hint: "Edit that file, or name another with --policy.",
      });
    }
    throw new HoldfastError("UsageInvalid", `the policy cannot be written to ${path}: ${String(code)}`, {
      cause: error,
      hint: "Name a file in a directory that exists and that you may write to, with --policy.",
    });
  }
}
