/** Data directories by copying: initdb takes a second, a copy of its result a tenth. */
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chown, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheDirectory } from "../../scripts/cache-directory.ts";
import type { UnprivilegedUser } from "../../scripts/unprivileged-user.ts";
import { runOk } from "./processes.ts";

export interface TemplateRequest {
  readonly binDir: string;
  readonly initdbArgs: readonly string[];
  readonly user: string;
  readonly password: string;
  readonly owner: UnprivilegedUser | undefined;
}

/**
 * Makes `dataDir`, from a template in the cache that is made on first use (by several processes at
 * once if need be).
 */
export async function makeDataDirectory(request: TemplateRequest, dataDir: string): Promise<void> {
  const key = createHash("sha256")
    .update(JSON.stringify([request.binDir, await runOk(join(request.binDir, "postgres"), ["--version"]), request]))
    .digest("hex")
    .slice(0, 16);
  const templates = join(cacheDirectory(), "postgres-templates");
  const template = join(templates, key);
  if (!existsSync(template)) {
    await mkdir(templates, { recursive: true });
    await makeTemplate(request, template);
  }
  // The owner of the copy must be the servers' user; -p keeps it.
  await runOk("cp", ["-Rp", template, dataDir]);
}

async function makeTemplate(request: TemplateRequest, template: string): Promise<void> {
  const { binDir, owner, user, password, initdbArgs } = request;
  const directory = await mkdtemp(join(tmpdir(), "hfpg-initdb-"));
  try {
    const passwordFile = join(directory, "password");
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    if (owner !== undefined) {
      await chown(directory, owner.uid, owner.gid);
      await chown(passwordFile, owner.uid, owner.gid);
    }
    const made = join(directory, "data");
    // Not every system has C.UTF-8 (macOS has not); C with UTF-8 does as well there.
    const locale = process.platform === "linux" ? "C.UTF-8" : "C";
    const fixed = [
      "--no-sync",
      "-U",
      user,
      "--pwfile",
      passwordFile,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      `--locale=${locale}`,
    ];
    await runOk(join(binDir, "initdb"), ["-D", made, ...fixed, ...initdbArgs], { ...owner, cwd: directory });
    // Copied beside its place first: the rename is what makes it visible, whole.
    const beside = `${template}.${randomBytes(4).toString("hex")}`;
    await runOk("cp", ["-Rp", made, beside]);
    await rename(beside, template).catch(async (error: unknown) => {
      await rm(beside, { recursive: true, force: true });
      if (!existsSync(template)) throw error;
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
