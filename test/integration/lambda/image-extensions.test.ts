/**
 * Extensions of the containers' image: what the list says, and what its script makes of each line,
 * with sources and installations of PostgreSQL that are as small as they can be.
 */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { listedExtensions } from "../../../infra/image-extensions.ts";
import { projectDirectory } from "../../../scripts/cache-directory.ts";
import { run, runOk } from "../../support/processes.ts";

const script = join(projectDirectory, "infra/image/build-extensions.sh");
const directory = mkdtempSync(join(tmpdir(), "hf-image-extensions-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let home: string;
beforeEach(() => {
  home = mkdtempSync(join(directory, "case-"));
  mkdirSync(join(home, "work"));
  for (const major of [14, 18]) putPostgres(major);
});

/** What the script asks of an installation: where extensions go. */
function putPostgres(major: number): void {
  const own = join(home, `pgsql-${major}`);
  for (const name of ["bin", "lib/pgxs", "include", "share/extension"]) mkdirSync(join(own, name), { recursive: true });
  const config = join(own, "bin/pg_config");
  writeFileSync(config, `#!/bin/sh\ncase $1 in --sharedir) echo "${own}/share" ;; --pkglibdir) echo "${own}/lib" ;; esac\n`);
  chmodSync(config, 0o755);
}

const makefile = `
OPTFLAGS = -march=native
all:
	@test ! -e built && touch built
install:
	@cp words.control "$$($(PG_CONFIG) --sharedir)/extension/"
	@echo "$(OPTFLAGS)." > "$$($(PG_CONFIG) --sharedir)/options"
`;

/** An archive of these files; its line of the list. */
async function putSource(names: string, files: Readonly<Record<string, string>>): Promise<string> {
  const source = mkdtempSync(join(home, "source-"));
  mkdirSync(join(source, "words-1.0"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(source, "words-1.0", name), text);
  const archive = join(home, "work", `${names}.tar.gz`);
  await runOk("tar", ["--create", "--gzip", "--file", archive, "--directory", source, "words-1.0"]);
  const digest = createHash("sha256").update(readFileSync(archive)).digest("hex");
  return `${names} ${digest} https://example.invalid/${names}.tar.gz`;
}

async function build(...lines: string[]) {
  const list = join(home, "list");
  writeFileSync(list, `${lines.join("\n")}\n`);
  const env = { PATH: process.env["PATH"], PREFIX: join(home, "pgsql-") };
  return run("bash", [script, list, join(home, "work")], { env });
}

const words = { Makefile: makefile, "words.control": "default_version = '1.0'\n" };

describe("the image's extensions", () => {
  it("are named by the list with a SHA-256 and an address that is kept", () => {
    const text = readFileSync(join(projectDirectory, "infra/image/extensions.list"), "utf8");
    // Those that a person takes the "#" off as well.
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("# "));
    expect(lines).toHaveLength(4);
    for (const line of lines)
      expect(line).toMatch(/^#?(?:-|[a-z_,]+) [0-9a-f]{64} https:\/\/snapshot\.debian\.org\/archive\/debian\/\d{8}T\d{6}Z\/pool\//);
    expect([...listedExtensions(text)]).toEqual(["vector"]);
    expect(listedExtensions(text.replaceAll(/^#(?! )/gm, ""))).toContain("postgis");
  });

  it("are compiled for each major, from a source that is clean each time, for every processor of its kind", async () => {
    const { code, stderr } = await build(
      "# a remark",
      "",
      await putSource("words", words),
      "#later 00 https://example.invalid/later.tar.gz",
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const major of [14, 18]) {
      expect(existsSync(join(home, `pgsql-${major}/share/extension/words.control`))).toBe(true);
      expect(readFileSync(join(home, `pgsql-${major}/share/options`), "utf8")).toBe(".\n");
      // What only compiling needs goes.
      expect(existsSync(join(home, `pgsql-${major}/lib/pgxs`))).toBe(false);
      expect(existsSync(join(home, `pgsql-${major}/include`))).toBe(false);
    }
    // The image copies it, whether a library is in it or not.
    expect(existsSync(join(home, "pgsql-libraries"))).toBe(true);
  });

  it("may be none", async () => {
    expect(await build("# none")).toMatchObject({ code: 0, stderr: "" });
    expect(existsSync(join(home, "pgsql-libraries"))).toBe(true);
  });

  it("are refused from another source than the list's", async () => {
    const line = (await putSource("words", words)).replace(/ [0-9a-f]{64} /, ` ${"0".repeat(64)} `);
    const { code, stderr } = await build(line);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/checksum did NOT match/);
    expect(existsSync(join(home, "pgsql-14/share/extension/words.control"))).toBe(false);
  });

  it("are refused when a source lacks one that the list says it has, or does not compile", async () => {
    const promised = await build(await putSource("words,verbs", words));
    expect(promised.code).not.toBe(0);
    expect(promised.stderr).toContain("verbs.control");
    const broken = await build(await putSource("words", { ...words, Makefile: "all:\n\t@echo broken >&2; exit 1\n" }));
    expect(broken.code).not.toBe(0);
    expect(broken.stderr).toContain("broken");
  });

  it("are refused when a module needs a library that is not there", async () => {
    const library = "int f(void); int f(void) { return 1; }";
    const module = "int f(void); int g(void); int g(void) { return f(); }";
    const compile = `
all:
	@$(CC) -shared -fPIC -o liblost.so library.c && $(CC) -shared -fPIC -o words.so module.c -L. -llost
install:
	@cp words.so "$$($(PG_CONFIG) --pkglibdir)/" && cp words.control "$$($(PG_CONFIG) --sharedir)/extension/"
`;
    const line = await putSource("words", { ...words, Makefile: compile, "library.c": library, "module.c": module });
    const { code, stderr } = await build(line);
    expect(code).toBe(1);
    expect(stderr).toMatch(/pgsql-14\/lib\/words\.so needs what is missing:\s+liblost\.so => not found/);
  });
});
