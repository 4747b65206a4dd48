/**
 * A layer for arm64 on another processor: each of its programs is started by QEMU, which finds
 * arm64's glibc and libstdc++ where Lambda's system has them.
 */
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../../scripts/cache-directory.ts";
import { unpackDebianPackages } from "../../scripts/debian-packages.ts";
import { DebianArchive } from "../../scripts/layer/debian-archive.ts";
import { unpackLayer } from "./layer-trial.ts";

const emulator = "qemu-aarch64-static";
/** What Lambda's system has beside a layer. */
const systemPackages = ["libc6", "libgcc-s1", "libstdc++6"];

/** Debian's own build, unpacked. Errors: a plain Error with apt-get's own words. */
function ensureEmulator(): string {
  const directory = join(cacheDirectory(), "qemu-user-static");
  if (!existsSync(directory)) unpackDebianPackages(() => ["qemu-user-static"], directory);
  return join(directory, "usr/bin", emulator);
}

/**
 * Unpacks the layer's zip into `layer`, with QEMU and the system's libraries in it, and a shell's
 * script in the stead of each program.
 */
export async function unpackEmulatedLayer(zip: string, layer: string): Promise<void> {
  await unpackLayer(zip, layer);
  const system = join(layer, "system");
  mkdirSync(system);
  copyFileSync(ensureEmulator(), join(layer, emulator));
  const archive = new DebianArchive("arm64", join(cacheDirectory(), "layer", "apt-arm64-system"));
  for (const { root } of archive.unpack(systemPackages)) {
    for (const name of readdirSync(root).filter((each) => each.startsWith("lib") || each === "usr"))
      cpSync(join(root, name), join(system, name), { recursive: true, verbatimSymlinks: true });
  }
  rmSync(join(system, "usr/share"), { recursive: true, force: true });
  for (const major of readdirSync(layer).filter((name) => /^pgsql-\d+$/.test(name))) startByEmulator(layer, `${major}/bin`);
}

/** As the cage sees it, where the layer is `/opt`. */
function startByEmulator(layer: string, directory: string): void {
  for (const name of readdirSync(join(layer, directory))) {
    const own = `${directory}/${name}`;
    renameSync(join(layer, own), join(layer, `${own}.arm64`));
    // PostgreSQL finds its libraries and the programs beside it by the name that it was started as.
    const start = `exec /opt/${emulator} -L /opt/system -0 /opt/${own} /opt/${own}.arm64 "$@"`;
    writeFileSync(join(layer, own), `#!/bin/sh\n${start}\n`);
    chmodSync(join(layer, own), 0o755);
  }
}
