import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { projectDirectory } from "../../scripts/cache-directory.ts";
import { run, runOk } from "../support/processes.ts";

let directory: string;
let programs: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "hf-wheel-"));
  programs = join(directory, "programs");
  await mkdir(programs);
  return () => rm(directory, { recursive: true, force: true });
});

/** A wheel that is small, pure and old: what matters is how it is fetched. */
const request = { name: "iniconfig", version: "2.0.0" };

async function fetchWith(sha256?: string): Promise<{ wheel?: string; error?: string }> {
  const module = join(projectDirectory, "scripts/python-wheel.ts");
  const target = join(directory, "target");
  await mkdir(target);
  const script = `const { fetchWheel } = await import(${JSON.stringify(module)});
    try { console.log(JSON.stringify({ wheel: fetchWheel(${JSON.stringify({ ...request, sha256 })}, ${JSON.stringify(target)}) })); }
    catch (error) { console.log(JSON.stringify({ error: error.message })); }`;
  const { stdout, stderr } = await run(process.execPath, ["--input-type=module", "-e", script], {
    env: { ...process.env, PATH: programs },
  });
  return JSON.parse(stdout || JSON.stringify({ error: stderr })) as { wheel?: string; error?: string };
}

async function providePython(script: (real: string) => string): Promise<void> {
  const real = (await runOk("python3", ["-c", "import sys; print(sys.executable)"])).trim();
  await writeFile(join(programs, "python3"), `#!/bin/sh\n${script(real)}\n`);
  await chmod(join(programs, "python3"), 0o755);
}

describe("fetching a Python wheel", () => {
  it("uses the pip that is there", async () => {
    await providePython((real) => `exec "${real}" "$@"`);
    expect(await fetchWith()).toEqual({ wheel: join(directory, "target/wheel") });
  });

  it("makes a virtual environment where Python has no pip", async () => {
    await providePython((real) => `if [ "$2" = pip ]; then echo "No module named pip" >&2; exit 1; fi\nexec "${real}" "$@"`);
    expect(await fetchWith()).toEqual({ wheel: join(directory, "target/wheel") });
  });

  it("refuses a wheel with another digest", async () => {
    await providePython((real) => `exec "${real}" "$@"`);
    expect((await fetchWith("0".repeat(64))).error).toMatch(/pip could not download iniconfig 2\.0\.0 .*Expected sha256 0{64}/);
  });

  it("says what to install where nothing works", async () => {
    for (const name of ["sh", "env"]) await symlink(`/bin/${name}`, join(programs, name));
    expect((await fetchWith()).error).toMatch(
      /neither `python3 -m pip` nor `python3 -m venv` works here; install Python 3 with pip \(Debian: apt-get install python3-pip\)/,
    );
  });
});
