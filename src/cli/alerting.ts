/**
 * `--alert`: tells the policy's channels when a command fails or finds something bad. For cron,
 * whose mail nobody reads.
 */
import { Command } from "commander";
import type { Alert } from "../alerts/alert.ts";
import { HoldfastError } from "../errors/holdfast-error.ts";
import type { AlertableProblem } from "../pipeline/notify/alertable.ts";
import type { Delivery } from "../pipeline/notify.ts";
import type { PipelineContext } from "../pipeline/pipeline-context.ts";
import type { Policy } from "../policy/policy.ts";
import { invocationOn, type PolicySource } from "./policy-source.ts";
import type { Outcome, Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

type Work<A extends unknown[]> = (session: Session, ...args: A) => Promise<Outcome>;

/**
 * `work`, which with `--alert` tells of its error or of its outcome's problems before it gives them
 * on, unchanged: an alert that cannot be sent is a warning on stderr and never more. `operation` is
 * the command's name; the arguments are commander's.
 */
export function alerting<A extends unknown[]>(operation: string, policySource: PolicySource, work: Work<A>): Work<A> {
  return async (session, ...args) => {
    const options = optionsOf(args);
    if (options["alert"] !== true) return work(session, ...args);
    const since = session.context.run.clock.now();
    const given: Given = { since, invocation: invocationOn(policySource), policySource, operation };
    const tell = (found: Found): Promise<void> => alertOf(session, found, given);
    let outcome: Outcome;
    try {
      outcome = await work(session, ...args);
    } catch (thrown) {
      const { toHoldfastError } = await import("../errors/holdfast-error.ts");
      const source = sourceNamedBy(session.context.policy, [args[0], options["source"]]);
      await tell({ problems: [{ operation, error: toHoldfastError(thrown), source }] });
      throw thrown;
    }
    await tell(outcome);
    return outcome;
  };
}

/**
 * Says that --alert came to nothing, when the run ended before there was a policy, which names the
 * channels.
 */
export function warnUnalerted(terminal: Terminal, args: readonly unknown[], error: unknown): void {
  const unread = ["PolicyInvalid", "PolicyNotFound", "StackAccessDenied", "StackNotFound", "StackUnavailable"];
  if (!(error instanceof Error && unread.includes(error.name)) || optionsOf(args)["alert"] !== true) return;
  terminal.note("warning: no alert was sent: the policy, which names the channels, could not be read");
}

/** Commander's last argument is the command itself. */
function optionsOf(args: readonly unknown[]): Readonly<Record<string, unknown>> {
  const command = args.at(-1);
  return command instanceof Command ? command.opts() : {};
}

/** A line for a channel that an alert did not reach, with the way to fix that. */
export function describeUndelivered({ channel, error }: Delivery): string {
  return error === undefined ? channel : `${error.message} (${error.name}). ${error.hint}`;
}

/** Something to alert of: what went wrong, or what the status measured. */
type Found = Pick<Outcome, "problems" | "measured">;

interface Given {
  readonly since: Date;
  readonly invocation: string;
  readonly policySource: PolicySource;
  readonly operation: string;
}

async function alertOf({ context }: Session, found: Found, given: Given): Promise<void> {
  const { log } = context.run;
  try {
    if (given.operation === "status") await tellNewProblems(context, found, given);
    else {
      // One after the other: Slack takes one message a second.
      for (const problem of found.problems ?? []) await tellProblem(context, problem, given);
    }
  } catch (error) {
    // Whatever it is, the command's own outcome or error must reach the caller.
    log.warn(`an alert was not sent: ${error instanceof HoldfastError ? error.message : "unknown failure"}`);
  }
}

/** What says that backups are damaged is noted: `status --alert` does not say it again. */
async function tellProblem(context: PipelineContext, problem: AlertableProblem, given: Given): Promise<void> {
  const { alertsFor } = await import("../pipeline/notify/alertable.ts");
  const { noteDamageTold, saysDamage } = await import("../pipeline/notify/told-damage.ts");
  const { openAlertMemory } = await import("./alert-memory.ts");
  const { source } = problem;
  const [name, ids] =
    "outcome" in problem
      ? [problem.outcome.name, problem.outcome.backupIds]
      : [problem.error.name, problem.backupId === undefined ? [] : [problem.backupId]];
  for (const alert of await alertsFor(context, [problem], given)) {
    const failure = await send(context, alert);
    if (failure !== undefined || source === undefined || ids.length === 0 || !saysDamage(name)) continue;
    const memory = await openAlertMemory(given.policySource, context.run.environment);
    await noteDamageTold(memory, source, ids, context.run);
  }
}

/**
 * The status is looked at by cron every hour: what was sent is not sent again for a day, and its
 * end is sent too.
 */
async function tellNewProblems(context: PipelineContext, { problems = [], measured = [] }: Found, given: Given): Promise<void> {
  const { lookAt, tellChanges } = await import("../pipeline/watch.ts");
  const { openAlertMemory } = await import("./alert-memory.ts");
  const found = lookAt(context, measured);
  const failed = problems.flatMap((problem) => ("error" in problem ? [{ problem, subjects: [problem.error.name] }] : []));
  const memory = await openAlertMemory(given.policySource, context.run.environment);
  const said: unknown[] = [];
  const tell = async (alert: Alert): Promise<void> => {
    const failure = await send(context, alert);
    if (failure === undefined) return;
    said.push(failure);
    throw failure;
  };
  const look = { ...found, observations: [...found.observations, ...failed] };
  await tellChanges(context, look, { memory, tell, invocation: given.invocation }).catch((error: unknown) => {
    if (!said.includes(error)) throw error;
  });
}

/**
 * Sends the alert to its channels, says how each went, and gives the reason when nobody got it.
 * Never throws.
 */
async function send(context: PipelineContext, alert: Alert): Promise<HoldfastError | undefined> {
  const { notify } = await import("../pipeline/notify.ts");
  const { log } = context.run;
  const deliveries = await notify(context, alert);
  for (const delivery of deliveries) {
    if (delivery.outcome === "sent") log.info(`alert sent (severity ${alert.severity}) to ${delivery.channel}`);
    else log.warn(`an alert was not sent: ${describeUndelivered(delivery)}`);
  }
  if (deliveries.some(({ outcome }) => outcome === "sent")) return undefined;
  const [first] = deliveries;
  if (first?.error !== undefined) return first.error;
  const message = `no alert was sent: the policy names no channel for ${alert.severity}`;
  // What went well is for those who asked for it alone.
  if (alert.kind === "recovery") return undefined;
  log.warn(message);
  return new HoldfastError("AlertRefused", message);
}

/** The source that an argument names: itself, as `<source>@…`, or as `<source>/<backup>`. */
function sourceNamedBy(policy: Policy, candidates: readonly unknown[]): string | undefined {
  return candidates
    .filter((candidate) => typeof candidate === "string")
    .map((text) => text.split(/[@/]/, 1)[0] ?? "")
    .find((name) => Object.hasOwn(policy.sources, name));
}
