/**
 * The local cloud of the tests: MiniStack, from the Python package index, in an environment of the
 * project's own.
 */
import { cacheDirectory } from "./cache-directory.ts";
import { ensurePythonProgram } from "./python-environment.ts";

export interface MiniStack {
  /** Runs MiniStack's server: `python`, with these arguments. */
  readonly python: string;
  readonly args: readonly string[];
}

/** The version whose behaviour the tests were written against. */
const version = "1.5.33";
/** Its KMS makes asymmetric keys, and signs with them, only with this package. */
const beside = ["cryptography==46.0.7"];
/** `python -m`-style, because the console script holds the path where it was installed. */
const args = ["-c", "from ministack.app import main; main()"];

/** MiniStack from the cache, else installed into it. Errors: those of ensurePythonProgram. */
export function ensureMiniStack(cache = cacheDirectory()): MiniStack {
  return { python: ensurePythonProgram({ name: "ministack", version, module: "ministack.app", beside }, cache), args };
}
