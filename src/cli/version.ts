/** The version of this installation, from the package's own package.json. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Goes into manifests, evidence and --version. Looks upward, for the sources and the packed bundle
 * lie at different depths.
 */
export function holdfastVersion(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
      if (name === "holdfast") return String(version);
    } catch {
      // Not this directory: the next one up.
    }
    const parent = dirname(directory);
    if (parent === directory) return "0.0.0";
    directory = parent;
  }
}
