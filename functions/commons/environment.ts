/** What a function reads from its environment: set by infra/, read here and nowhere else. */
import { tmpdir } from "node:os";
import { delimiter } from "node:path";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import type { OwnNames } from "./source-names.ts";

export interface Settings {
  /** `file:PATH` or `secret:ID`: where the policy's text is. */
  readonly policy: string;
  readonly temporaryDirectory: string;
  readonly toolPath: readonly string[];
}

/** Errors: UsageInvalid, when the function was deployed without its policy. */
export function readSettings(): Settings {
  return {
    policy: requireVariable("HOLDFAST_POLICY"),
    temporaryDirectory: process.env["HOLDFAST_TMPDIR"] || tmpdir(),
    toolPath: (process.env["HOLDFAST_PG_PATH"] ?? "").split(delimiter).filter((directory) => directory !== ""),
  };
}

/** A variable that the function cannot work without. Errors: UsageInvalid. */
export function requireVariable(name: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== "") return value;
  throw new HoldfastError("UsageInvalid", `the environment variable ${name} is not set`, {
    hint: "Deploy the stack again: its functions get their settings from infra/.",
  });
}

/**
 * As requireVariable, and removes it, so that no program that is started inherits it. Errors:
 * UsageInvalid.
 */
export function takeVariable(name: string): string {
  const value = requireVariable(name);
  delete process.env[name];
  return value;
}

/** How this stack names what its sources have. Errors: UsageInvalid. */
export function readOwnNames(): OwnNames {
  return { prefix: requireVariable("HOLDFAST_RESOURCE_PREFIX"), roles: requireVariable("HOLDFAST_SOURCE_ROLES") };
}
