/** Makes a policy's paths absolute, and gathers the problems of those that cannot be. */
import { isAbsolute, join, resolve } from "node:path";
import type { Parsed } from "./parsed.ts";
import type { ConnectionReference } from "./policy.ts";
import type { PolicyPath, Problem } from "./problem.ts";

/** Where relative paths begin, and what `~` is. */
export interface Places {
  /** Absolute: the policy file's own directory. */
  readonly directory: string;
  /** Absolute; absent where there is no user, and `~` is refused. */
  readonly home?: string | undefined;
}

export class PathResolver {
  readonly problems: Problem[] = [];
  readonly #places: Places;

  constructor(places: Places) {
    this.#places = places;
  }

  resolve(path: string, at: PolicyPath): string {
    const resolved = resolvePath(path, this.#places);
    if ("value" in resolved) return resolved.value;
    this.problems.push({ path: at, message: resolved.problem, anchor: "value" });
    return path;
  }

  resolveSecret<R extends ConnectionReference>(reference: R, at: PolicyPath): R {
    if (reference.from === "file") return { ...reference, path: this.resolve(reference.path, at) };
    if (reference.from !== "rds" || reference.sslrootcert === "system") return reference;
    return { ...reference, sslrootcert: this.resolve(reference.sslrootcert, at) };
  }
}

function resolvePath(path: string, places: Places): Parsed<string> {
  if (path !== "~" && !path.startsWith("~/")) return { value: isAbsolute(path) ? resolve(path) : resolve(places.directory, path) };
  if (places.home === undefined)
    return { problem: "~ means nothing here, because there is no home directory; write the path in full" };
  return { value: join(places.home, path.slice(1)) };
}
