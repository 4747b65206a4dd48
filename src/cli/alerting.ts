/** `--alert`: tells the policy's channels when a command fails or finds something bad. For cron, whose mail nobody reads. */
import { Command } from "commander";
import type { Delivery } from "../pipeline/notify.ts";
import type { Trouble } from "../pipeline/troubles.ts";
import type { Policy } from "../policy/policy.ts";
import { invocationOn, type PolicyPlace } from "./policy-place.ts";
import type { Outcome, Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

type Work<A extends unknown[]> = (session: Session, ...args: A) => Promise<Outcome>;

/**
 * `work`, which with `--alert` tells of its error or of its outcome's troubles before it gives them on, unchanged: an alert that cannot be sent is a warning
 * on stderr and never more. `operation` is the command's name; the arguments are commander's.
 */
export function alerting<A extends unknown[]>(operation: string, place: PolicyPlace, work: Work<A>): Work<A> {
  return async (session, ...args) => {
    const options = optionsOf(args);
    if (options["alert"] !== true) return work(session, ...args);
    const since = session.context.run.clock.now();
    const tell = (troubles: readonly Trouble[]) => alertOf(session, troubles, { since, invocation: invocationOn(place) });
    let outcome: Outcome;
    try {
      outcome = await work(session, ...args);
    } catch (thrown) {
      const { toHoldfastError } = await import("../errors/holdfast-error.ts");
      const source = sourceNamedBy(session.context.policy, [args[0], options["source"]]);
      await tell([{ operation, error: toHoldfastError(thrown), ...(source === undefined ? {} : { source }) }]);
      throw thrown;
    }
    await tell(outcome.troubles ?? []);
    return outcome;
  };
}

/** Says that --alert came to nothing, when the run ended before there was a policy, which names the channels. */
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

async function alertOf(
  { context }: Session,
  troubles: readonly Trouble[],
  given: { readonly since: Date; readonly invocation: string },
): Promise<void> {
  if (troubles.length === 0) return;
  const { log } = context.run;
  try {
    const { alertsFor } = await import("../pipeline/troubles.ts");
    const { notify } = await import("../pipeline/notify.ts");
    // One after the other: Slack takes one message a second.
    for (const alert of await alertsFor(context, troubles, given)) {
      const deliveries = await notify(context, alert);
      if (deliveries.length === 0) log.warn(`no alert was sent: the policy names no channel for ${alert.severity}`);
      for (const delivery of deliveries) {
        if (delivery.outcome === "sent") log.info(`alert sent (severity ${alert.severity}) to ${delivery.channel}`);
        else log.warn(`an alert was not sent: ${describeUndelivered(delivery)}`);
      }
    }
  } catch (error) {
    // Whatever it is, the command's own outcome or error must reach the caller.
    log.warn(`an alert was not sent: ${error instanceof Error ? error.name : "unknown failure"}`);
  }
}

/** The source that an argument names: itself, as `<source>@…`, or as `<source>/<backup>`. */
function sourceNamedBy(policy: Policy, candidates: readonly unknown[]): string | undefined {
  return candidates
    .filter((candidate) => typeof candidate === "string")
    .map((text) => text.split(/[@/]/, 1)[0] ?? "")
    .find((name) => Object.hasOwn(policy.sources, name));
}
