/** Key files: how a raw sealing key is made, written and read. */
import { createHash } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { HoldfastError } from "../errors/holdfast-error.ts";
import { errorCode } from "../runtime/error-code.ts";
import { makeDirectories } from "../runtime/make-directories.ts";

/** AES-256. */
const keyBytes = 32;
/** The file is some 600 bytes; anything much larger is another file, named by mistake. */
const largestKeyFileBytes = 64 * 1024;

export interface KeyFile {
  readonly keyId: string;
  /** The key itself; a library that zeroes what it is handed must be handed a copy. */
  readonly key: Uint8Array;
}

/** The key's name: `file:` and 16 hex digits of a digest, which tells nothing of the key. */
export function keyIdOf(key: Uint8Array): string {
  return `file:${createHash("sha256").update("holdfast key id").update(key).digest("hex").slice(0, 16)}`;
}

/**
 * Writes a new key to `path`, readable by its owner only, and durable when the promise resolves.
 * Missing parent directories are made, with mode 0700.
 * Errors: ObjectExists when something is there already (a key file is never overwritten);
 * UsageInvalid when the place cannot be written; DiskFull.
 */
export async function createKeyFile(
  path: string,
  options: { readonly randomBytes: (count: number) => Uint8Array; readonly now: Date; readonly purpose?: KeyPurpose },
): Promise<{ keyId: string }> {
  const key = options.randomBytes(keyBytes);
  const keyId = keyIdOf(key);
  const text = keyFileText(key, keyId, options);
  await makeDirectories(dirname(path), 0o700).catch((error: unknown) => {
    throw writingError(path, error);
  });
  const file = await open(path, "wx", 0o600).catch((error: unknown) => {
    throw errorCode(error) === "EEXIST" ? existsError(path, error) : writingError(path, error);
  });
  try {
    await writeDurably(file, text, dirname(path));
  } catch (error) {
    await rm(path, { force: true });
    throw writingError(path, error);
  }
  return { keyId };
}

/**
 * Reads the key at `path`.
 * Errors: KeyFileInvalid when it is missing, unreadable, readable by others than its owner, or not
 * what `createKeyFile` writes (a mistyped copy fails its checksum).
 */
export async function readKeyFile(path: string): Promise<KeyFile> {
  const text = await readPrivateText(path);
  const lines = text.split("\n").map((line) => line.trim());
  const written = lines.filter((line) => line !== "" && !line.startsWith("#")).join("\n");
  const line = /^(\S+)[ \t]+(\S+)$/.exec(written);
  if (line === null) throw invalid(path, "is not a key file: it has no line with a key and its checksum");
  const [encoded, checksum] = line.slice(1) as [string, string];
  const key = decodeBase64(encoded);
  if (key === undefined) throw invalid(path, "holds a key that is not base64");
  if (key.length !== keyBytes) throw invalid(path, `holds a key of ${key.length} bytes instead of ${keyBytes}`);
  if (checksum.toLowerCase() !== checksumOf(key)) {
    throw invalid(
      path,
      "holds a key that does not match its checksum",
      "Compare the last line with the original, letter by letter.",
    );
  }
  return { keyId: keyIdOf(key), key };
}

/** `approving`: for a person who approves; it seals nothing. */
export type KeyPurpose = "sealing" | "approving";

const purposes: Readonly<Record<KeyPurpose, readonly string[]>> = {
  sealing: [
    "# A sealing key of Holdfast. Backups that it sealed can be read with this key only, by anyone who holds it.",
    "# Keep a copy apart from the vault and from this machine; on paper will do: the line below ends with a checksum.",
  ],
  approving: [
    "# The key of an approver of Holdfast. Anyone who has it can approve in your name: give it to nobody.",
    "# Keep it away from the machine that restores. A lost one is replaced: make another, and change the policy.",
  ],
};

function keyFileText(
  key: Uint8Array,
  keyId: string,
  { now, purpose = "sealing" }: { readonly now: Date; readonly purpose?: KeyPurpose },
): string {
  return [
    ...purposes[purpose],
    `# key id:  ${keyId}`,
    `# created: ${now.toISOString()}`,
    `${Buffer.from(key).toString("base64")} ${checksumOf(key)}`,
    "",
  ].join("\n");
}

/** Eight hex digits: a slip of the pen goes unnoticed once in 4 billion times. */
function checksumOf(key: Uint8Array): string {
  return createHash("sha256").update("holdfast key checksum").update(key).digest("hex").slice(0, 8);
}

/** The bytes, or undefined where Node would silently leave out what is not base64. */
function decodeBase64(text: string): Uint8Array | undefined {
  const decoded = Buffer.from(text, "base64");
  return decoded.toString("base64") === text ? new Uint8Array(decoded) : undefined;
}

async function writeDurably(file: FileHandle, text: string, directory: string): Promise<void> {
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  // The name is durable only once its directory is: a key that vanishes in a power cut takes its
  // backups with it.
  const parent = await open(directory, "r");
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}

async function readPrivateText(path: string): Promise<string> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    const code = errorCode(error);
    const missing = code === "ENOENT";
    const hint = missing
      ? `Put the copy you kept there; for a new vault, create a key with \`holdfast init --key-only --key ${path}\`.`
      : undefined;
    throw invalid(path, missing ? "does not exist" : `cannot be read (${code})`, hint, error);
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > largestKeyFileBytes) throw invalid(path, "is not a key file");
    if ((stat.mode & 0o077) !== 0) {
      const mode = (stat.mode & 0o777).toString(8).padStart(4, "0");
      throw invalid(path, `is open to others than its owner (mode ${mode})`, `Run \`chmod 600 ${path}\`, and ask who has read it.`);
    }
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

function existsError(path: string, cause: unknown): HoldfastError {
  return new HoldfastError("ObjectExists", `the key file ${path} exists already`, {
    cause,
    hint: "Use that key, or name another path: a key file is never overwritten, for backups may depend on it.",
  });
}

/** What it means for a user that a key file could not be written. */
export function writingError(path: string, error: unknown): HoldfastError {
  const code = errorCode(error);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new HoldfastError("DiskFull", `no room to write the key file ${path}`, { cause: error });
  }
  return new HoldfastError("UsageInvalid", `the key file ${path} cannot be written (${code})`, {
    cause: error,
    hint: "Name a path in a directory that this user may write to.",
  });
}

function invalid(path: string, fact: string, hint?: string, cause?: unknown): HoldfastError {
  return new HoldfastError("KeyFileInvalid", `the key file ${path} ${fact}`, { cause, hint });
}
