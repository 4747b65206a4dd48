/** What a failed reader of an archive says of the archive, and what of this machine. */
import { expect, test } from "vitest";
import { archiveError } from "../../../../src/engines/postgres/script/archive-script.ts";

const said = (stderr: string, exitCode = 1, signal?: NodeJS.Signals): string => archiveError({ exitCode, signal, stderr }).name;

test("is damage only where pg_restore says so itself, or crashes on the bytes", () => {
  expect(said("pg_restore: error: could not read from input file: end of file\n")).toBe("ContentInvalid");
  expect(said("pg_restore: error: input file does not appear to be a valid archive\n")).toBe("ContentInvalid");
  expect(said("", 139, "SIGSEGV")).toBe("ContentInvalid");
});

test.each([
  ["a sandbox that does not start", "bwrap: Creating new namespace failed: Resource temporarily unavailable\n"],
  ["a shell that cannot fork", "/bin/sh: 1: Cannot fork\n"],
  [
    "a library that finds no memory",
    "pg_restore: error while loading shared libraries: libz.so.1: cannot map: Cannot allocate memory\n",
  ],
  ["no memory", "out of memory\n"],
  ["no memory, in pg_restore's form", "pg_restore: error: out of memory\n"],
  ["a disk that does not read", "pg_restore: error: could not read from input file: Input/output error\n"],
  ["nothing at all", ""],
])("is none of the archive's: %s", (_what, stderr) => {
  expect(said(stderr)).toBe("ToolKilled");
});

test("is none of the archive's where somebody ended the program", () => {
  expect(said("", 137, "SIGKILL")).toBe("ToolKilled");
});
