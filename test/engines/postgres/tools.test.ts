import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findClientTools, findServerTools, supportsZstd } from "../../../src/engines/postgres/tools.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "hf-tools-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const clients = ["pg_dump", "pg_dumpall", "pg_restore", "psql"];

/** A directory of programs that print a version, and otherwise say `words` and fail. */
async function install(
  name: string,
  version: string,
  programs = clients,
  words = "could not connect: connection failed",
): Promise<string> {
  const directory = join(root, name);
  await mkdir(directory);
  for (const program of programs) {
    const path = join(directory, program);
    await writeFile(
      path,
      `#!/bin/sh\nif [ "$1" = --version ]; then echo "${program} (PostgreSQL) ${version}"; else echo "${words}" >&2; exit 1; fi\n`,
    );
    await chmod(path, 0o755);
  }
  return directory;
}

const contextOf = (...toolPath: string[]) => ({
  environment: { PATH: "" },
  toolPath,
  signal: new AbortController().signal,
});

describe("findClientTools", () => {
  // Majors beyond those a machine may have installed, so that its own programs play no part.
  it("takes the server's own major, else the nearest newer, never an older", async () => {
    const [a, b, c] = [await install("a", "30.4"), await install("b", "28.1 (Debian 28.1-1)"), await install("c", "27.2")];
    const context = contextOf(a, b, c);
    expect(await findClientTools(28, context)).toMatchObject({
      major: 28,
      version: "28.1",
      directory: b,
      pgDump: join(b, "pg_dump"),
    });
    expect(await findClientTools(29, context)).toMatchObject({ major: 30 });
    await expect(findClientTools(31, context)).rejects.toMatchObject({
      name: "ToolMissing",
      message: expect.stringMatching(/PostgreSQL 31 or later.*27, 28, 30/),
      hint: expect.stringContaining("postgresql-client-31"),
    });
  });

  it("passes over an incomplete installation, Debian's wrapper and what cannot run", async () => {
    const incomplete = await install("incomplete", "28.9", ["pg_dump", "psql"]);
    const wrapped = await install("wrapped", "28.8", ["pg_wrapper"]);
    for (const program of clients) await symlink(join(wrapped, "pg_wrapper"), join(wrapped, program));
    const foreign = await install("foreign", "28.7");
    for (const program of clients) await writeFile(join(foreign, program), "\x7fELF not for this machine");
    const good = await install("good", "28devel");
    expect(await findClientTools(28, contextOf(incomplete, wrapped, foreign, good, join(root, "none")))).toMatchObject({
      directory: good,
      version: "28devel",
    });
  });
});

describe("findServerTools", () => {
  it("wants exactly the major", async () => {
    const newer = await install("newer", "29.1", ["postgres", "initdb", "pg_ctl"]);
    await expect(findServerTools(28, contextOf(newer))).rejects.toMatchObject({
      name: "ToolMissing",
      hint: expect.stringContaining("postgresql-28"),
    });
    expect(await findServerTools(29, contextOf(newer))).toMatchObject({ major: 29, initdb: join(newer, "initdb") });
  });
});

describe("supportsZstd", () => {
  it("goes by the major, and from 16 on by what the build says", async () => {
    const old = contextOf(await install("old", "15.1"));
    const lacking = contextOf(
      await install("lacking", "28.2", clients, "pg_dump: error: this build does not support compression with ZSTD"),
    );
    const having = contextOf(await install("having", "28.3"));
    const oldTools = { ...(await findClientTools(28, having)), major: 15, pgDump: join(root, "old", "pg_dump") };
    expect(await supportsZstd(oldTools, old)).toBe(false);
    expect(await supportsZstd(await findClientTools(28, lacking), lacking)).toBe(false);
    expect(await supportsZstd(await findClientTools(28, having), having)).toBe(true);
  });
});
