/**
 * Packages of the release whose glibc is as old as Lambda's, of either processor: asked of the
 * archives that this machine's apt is configured for, and kept apart from its own lists.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Processor } from "./processor.ts";

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  /** Where it is unpacked. */
  readonly root: string;
}

/**
 * The newest releases whose libraries ask for nothing newer than glibc 2.34 (closure.ts checks).
 */
const releases: Readonly<Record<string, string>> = { debian: "bookworm", ubuntu: "jammy" };
const debianArchitectures: Readonly<Record<Processor, string>> = { x64: "amd64", arm64: "arm64" };
const onlyWhatIsNeeded = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"].map((kind) => `--no-${kind}`);

export class DebianArchive {
  readonly #options: readonly string[];
  readonly #directory: string;

  /** `directory`: keeps apt's lists between builds. `etc`: this machine's configuration. */
  constructor(processor: Processor, directory: string, etc = "/etc") {
    this.#directory = directory;
    rmSync(join(directory, "packages"), { recursive: true, force: true });
    rmSync(join(directory, "sources"), { recursive: true, force: true });
    for (const part of ["state/lists/partial", "cache/archives/partial", "sources", "packages"])
      mkdirSync(join(directory, part), { recursive: true });
    writeFileSync(join(directory, "status"), "");
    copySources(etc, join(directory, "sources"));
    const architecture = debianArchitectures[processor];
    this.#options = [
      `APT::Architecture=${architecture}`,
      `APT::Architectures=${architecture}`,
      `Dir::State=${join(directory, "state")}`,
      `Dir::State::status=${join(directory, "status")}`,
      `Dir::Cache=${join(directory, "cache")}`,
      "Dir::Etc::sourcelist=/dev/null",
      `Dir::Etc::sourceparts=${join(directory, "sources")}`,
      "Acquire::Languages=none",
    ].flatMap((option) => ["-o", option]);
    this.#run("apt-get", ["update", "--quiet"]);
  }

  /** Whether the archive has a package of this name. */
  has(name: string): boolean {
    return /^ {2}Candidate: (?!\(none\))/m.test(this.#run("apt-cache", ["policy", name]));
  }

  /** These packages and all that they depend on. */
  closureOf(names: readonly string[]): string[] {
    const lines = this.#run("apt-cache", ["depends", "--recurse", ...onlyWhatIsNeeded, ...names]).split("\n");
    return [...new Set(lines.filter((line) => /^[a-z0-9]/.test(line)).map((line) => line.split(":")[0] as string))];
  }

  /** What these packages themselves depend on. */
  dependenciesOf(names: readonly string[]): string[] {
    const lines = this.#run("apt-cache", ["depends", ...onlyWhatIsNeeded, ...names]).split("\n");
    return [...new Set(lines.flatMap((line) => /^ [ |](?:Pre)?Depends: ([a-z0-9][^ :]*)/.exec(line)?.[1] ?? []))];
  }

  /** Downloads packages, checked by apt against the archive's signature, and unpacks them. */
  unpack(names: readonly string[]): DebianPackage[] {
    const packages = join(this.#directory, "packages");
    this.#run("apt-get", ["download", "--quiet", ...names], packages);
    const wanted = new Set(names);
    return readdirSync(packages)
      .filter((file) => file.endsWith(".deb"))
      .toSorted()
      .flatMap((file) => this.#unpackFile(join(packages, file), wanted));
  }

  #unpackFile(file: string, wanted: ReadonlySet<string>): DebianPackage[] {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-deb's own.
    const [name = "", version = ""] = this.#run("dpkg-deb", ["--show", "--showformat", "${Package} ${Version}", file]).split(" ");
    if (!wanted.has(name)) return [];
    const root = file.slice(0, -".deb".length);
    if (!existsSync(root)) this.#run("dpkg-deb", ["--extract", file, root]);
    return [{ name, version, sha256: createHash("sha256").update(readFileSync(file)).digest("hex"), root }];
  }

  #run(command: string, args: readonly string[], cwd = this.#directory): string {
    const given = command.startsWith("apt") ? [...this.#options, ...args] : args;
    const { status, stdout, stderr, error } = spawnSync(command, given, {
      cwd,
      encoding: "utf8",
      timeout: 300_000,
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, LC_ALL: "C" },
    });
    if (status === 0) return stdout;
    const words = error?.message ?? `${stdout}${stderr}`.trim().split("\n").slice(-3).join(" | ");
    throw new Error(`${command} ${args.slice(0, 2).join(" ")} failed: ${words}`);
  }
}

/**
 * The machine's sources, with the release whose libraries Lambda can load. Errors: a plain Error.
 */
function copySources(etc: string, directory: string): void {
  const system = readFileSync(join(etc, "os-release"), "utf8");
  const field = (name: string): string => new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(system)?.[1] ?? "";
  const release = releases[field("ID")];
  if (release === undefined) {
    const where = 'Build it on Debian or Ubuntu, or take a layer that was built there: docs/deploy.md, "The layer".';
    throw new Error(`this machine is ${field("ID") || "unknown"}, and the layer's libraries are Debian's or Ubuntu's. ${where}`);
  }
  const parts = join(etc, "apt/sources.list.d");
  const files = [join(etc, "apt/sources.list"), ...(existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : [])];
  for (const [index, file] of files.filter((name) => existsSync(name) && /\.(list|sources)$/.test(name)).entries()) {
    const text = readFileSync(file, "utf8").replaceAll(field("VERSION_CODENAME") || release, release);
    writeFileSync(join(directory, `${index}.${file.endsWith(".sources") ? "sources" : "list"}`), text);
  }
}
