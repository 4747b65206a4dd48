import fs from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EntryPath } from "../../../src/engines/files/entry-path.ts";
import { compileSelection } from "../../../src/engines/files/patterns.ts";
import { dumpToMemory, indexOf, makeSource, prove } from "./memory-backup.ts";
import { removeTree, utf8 } from "./tree-zoo.ts";

/**
 * Whether an exclude pattern takes an entry away; a name with a slash at its end is a directory.
 */
function matches(pattern: string, name: string): boolean {
  const isDirectory = name.endsWith("/");
  const path = name.replace(/\/$/, "") as EntryPath;
  return !compileSelection([], [pattern]).judge(path, isDirectory, false).included;
}

describe("a pattern", () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ["*.log", ["a.log", "deep/down/b.log", ".log"], ["a.log.gz", "log"]],
    ["/*.log", ["a.log"], ["deep/a.log"]],
    ["cache", ["cache", "cache/", "a/b/cache"], ["cached", "a-cache"]],
    ["cache/", ["cache/", "a/cache/"], ["cache", "a/cache"]],
    ["/cache/", ["cache/"], ["a/cache/"]],
    ["etc/nginx", ["etc/nginx", "etc/nginx/"], ["a/etc/nginx", "etc"]],
    ["a/*/c", ["a/b/c"], ["a/c", "a/b/b/c"]],
    ["a/**/c", ["a/c", "a/b/c", "a/b/b/c"], ["c", "b/a/c"]],
    ["a/**", ["a/b", "a/b/c"], ["a", "a/"]],
    ["**/c", ["c", "a/c", "a/b/c"], ["cc"]],
    ["**", ["a", "a/b"], []],
    ["file-?", ["file-1", utf8("file-é"), utf8("file-🦊"), "file-\xff"], ["file-", "file-12"]],
    ["[a-c]x", ["ax", "cx"], ["dx", "x"]],
    ["[!a-c]x", ["dx"], ["ax", "x"]],
    ["[^a-c]x", ["dx"], ["ax"]],
    ["[]-]x", ["]x", "-x"], ["ax"]],
    ["[\\]\\[]x", ["]x", "[x"], ["ax"]],
    ["[é]", [utf8("é")], ["\xe9"]],
    ["a.c+(b)|{d}$^", ["a.c+(b)|{d}$^"], ["abc", "aXc+(b)|{d}$^"]],
    ["\\*\\?\\[", ["*?["], ["ab["]],
    ["\\!keep", ["!keep"], ["keep"]],
    [" space ", [" space "], ["space"]],
    ["é*", [utf8("éa")], ["\xe9a"]],
    ["*", ["\xff\xfe", "new\nline", ".hidden"], []],
    ["[a-c-e]x", ["bx", "-x", "ex"], ["dx"]],
    ["[!]]x", ["ax"], ["]x"]],
    ["[a\\-c]x", ["ax", "-x", "cx"], ["bx"]],
    ["[🦊-🦋]x", [utf8("🦊x"), utf8("🦋x")], [utf8("🦌x")]],
    // Names that would keep a backtracking matcher busy for hours.
    ["*-*-*-*-*-*-*-*-*-*.bak", [`${"-".repeat(240)}.bak`], ["-".repeat(250)]],
    ["**/a/**/a/**/a/**/a/**/a/**/b", [`${"a/".repeat(60)}b`], [`${"a/".repeat(1_000)}c`]],
    [`${"*[ab]".repeat(40)}c`, [`${"ab".repeat(60)}c`], ["ab".repeat(120)]],
  ])("%s matches as documented", (pattern, matching, others) => {
    expect(matching.filter((name) => !matches(pattern, name))).toEqual([]);
    expect(others.filter((name) => matches(pattern, name))).toEqual([]);
  });

  it.each([
    ["", "has an empty name"],
    ["/", "has an empty name"],
    ["a//b", "has an empty name"],
    ["!a", "is negated"],
    ["../a", 'holds "." or ".."'],
    ["./a", 'holds "." or ".."'],
    ["a**", "has ** beside other characters"],
    ["[ab", "has a [ that is not closed"],
    ["[]", "has a [ that is not closed"],
    ["[z-a]", "has a range in brackets that runs backwards"],
    ["a\\", "ends with a lone backslash"],
  ])("%s is refused", (pattern, words) => {
    expect(() => compileSelection([], [pattern])).toThrow(words);
    expect(() => compileSelection([pattern], [])).toThrow(words);
  });

  it("is refused together with every other one that is wrong", () => {
    const compile = () => compileSelection(["[a"], ["!b"]);
    expect(compile).toThrow("2 patterns are not well-formed");
    expect(compile).toThrow(
      expect.objectContaining({
        name: "PolicyInvalid",
        details: [expect.stringContaining("include"), expect.stringContaining("exclude")],
      }),
    );
  });
});

describe("a dump with patterns", () => {
  let tree: string;
  beforeEach(async () => {
    tree = await mkdtemp(join(tmpdir(), "hf-files-"));
    for (const path of ["etc/nginx/conf.d", "etc/ssl", "var/log", "var/cache/deep", "home"])
      fs.mkdirSync(join(tree, path), { recursive: true });
    for (const path of [
      "etc/nginx/nginx.conf",
      "etc/nginx/conf.d/a.conf",
      "etc/ssl/key.pem",
      "var/log/a.log",
      "var/cache/deep/x",
      "top",
    ]) {
      fs.writeFileSync(join(tree, path), path);
    }
  });
  afterEach(() => removeTree(tree));

  async function dumped(include: string[], exclude: string[]) {
    const backup = await dumpToMemory(makeSource(tree, { include, exclude }));
    const proof = await prove(backup);
    expect(proof.comparison.differences).toEqual([]);
    expect(backup.sourceCheck.mode).toBe("counts");
    expect(proof.sourceCheck.differences).toEqual([]);
    return { paths: indexOf(backup).map(({ path }) => path), notices: backup.notices.map(({ code, subject }) => [code, subject]) };
  }

  it("leaves out what is excluded, with all that is beneath", async () => {
    const { paths, notices } = await dumped([], ["*.log", "/var/cache/", "nginx"]);
    expect(paths).toEqual([".", "etc", "etc/ssl", "etc/ssl/key.pem", "home", "top", "var", "var/log"]);
    expect(notices).toEqual([]);
  });

  it("takes only what is included, with the directories above", async () => {
    const { paths } = await dumped(["*.conf", "/etc/ssl"], []);
    expect(paths).toEqual([
      ".",
      "etc",
      "etc/nginx",
      "etc/nginx/conf.d",
      "etc/nginx/conf.d/a.conf",
      "etc/nginx/nginx.conf",
      "etc/ssl",
      "etc/ssl/key.pem",
    ]);
  });

  it("excludes from what it includes", async () => {
    const { paths } = await dumped(["etc/nginx"], ["conf.d"]);
    expect(paths).toEqual([".", "etc", "etc/nginx", "etc/nginx/nginx.conf"]);
  });

  it("does not enter what cannot hold anything included", async () => {
    fs.symlinkSync("loop", join(tree, "var/loop"));
    const { paths, notices } = await dumped(["/etc/ssl/**"], []);
    expect(paths).toEqual([".", "etc", "etc/ssl", "etc/ssl/key.pem"]);
    expect(notices).toEqual([]);
  });

  it("names every pattern that matches nothing", async () => {
    const { notices } = await dumped(["etc", "nothing.*"], ["*.tmp", "conf.d", "*.conf"]);
    expect(notices).toEqual([
      ["pattern-unused", "nothing.*"],
      ["pattern-unused", "*.tmp"],
    ]);
  });

  it("is only a root when nothing is included", async () => {
    const { paths } = await dumped(["nothing"], []);
    expect(paths).toEqual(["."]);
  });
});
