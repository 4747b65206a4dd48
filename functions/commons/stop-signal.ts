/**
 * Fargate asks a container to end with SIGTERM, and kills it two minutes later (`StopTimeout` in
 * infra/fargate.ts).
 */
import { HoldfastError } from "../../src/errors/holdfast-error.ts";

/**
 * Aborted with Interrupted when this process is asked to end: what is half done is then removed.
 */
export function abortOnStop(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.on(name, () => controller.abort(new HoldfastError("Interrupted", `the container was stopped by ${name}`)));
  }
  return controller.signal;
}
