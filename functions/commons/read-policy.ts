/**
 * The policy of the deployed stack: one text, that every function and container reads from the same
 * place.
 */
import { readFile } from "node:fs/promises";
import { HoldfastError } from "../../src/errors/holdfast-error.ts";
import { unpackPolicy } from "../../src/policy/packed-policy.ts";
import { parsePolicy } from "../../src/policy/parse-policy.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { readAwsSecret } from "../../src/runtime/aws-secret.ts";
import type { Clock } from "../../src/runtime/clock.ts";

/**
 * A deployment that changes the policy alone leaves warm functions as they are: they look again, at
 * most once a minute.
 */
const freshMs = 60_000;

let known: { readonly place: string; readonly text: string; readonly policy: Policy; readonly readAt: number } | undefined;

/**
 * The policy at `place` (`file:PATH` or `secret:ID`), at most a minute old.
 * Errors: PolicyNotFound, SecretUnavailable, PolicyInvalid.
 */
export async function readPolicy(place: string, clock: Clock): Promise<Policy> {
  const now = clock.now().getTime();
  if (known?.place === place && Math.abs(now - known.readAt) < freshMs) return known.policy;
  const text = unpackPolicy(await readText(place));
  // A bucket or a key is the same wherever the function runs; a path that begins here means nothing
  // there.
  const policy =
    known !== undefined && known.text === text ? known.policy : parsePolicy(text, "holdfast.yml", { directory: "/var/task" });
  known = { place, text, policy, readAt: now };
  return policy;
}

async function readText(place: string): Promise<string> {
  const [scheme, rest] = split(place);
  if (scheme === "secret") return readAwsSecret(rest);
  if (scheme !== "file") throw new HoldfastError("PolicyNotFound", `the policy cannot be at ${place}: neither file: nor secret:`);
  return readFile(rest, "utf8").catch((error: unknown) => {
    throw new HoldfastError("PolicyNotFound", `there is no policy at ${rest}`, { cause: error });
  });
}

function split(place: string): [string, string] {
  const colon = place.indexOf(":");
  return [place.slice(0, colon), place.slice(colon + 1)];
}
