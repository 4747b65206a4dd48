/** `holdfast vault undelete`: what others deleted or overwrote, back from the bucket's versions. */
import { errorDocument } from "../../errors/error-document.ts";
import { type ExitCode, exitCodes } from "../../errors/exit-codes.ts";
import { HoldfastError, isHoldfastError } from "../../errors/holdfast-error.ts";
import { isUsed, vaultsOf } from "../../pipeline/catalogue/find-backups.ts";
import type { LeftReason, PlannedObject } from "../../pipeline/undelete/plan-undelete.ts";
import { type Undeleted, type UndeleteOptions, undeleteVault } from "../../pipeline/undelete.ts";
import type { Policy } from "../../policy/policy.ts";
import { formatBytes, renderTable } from "../../report/format.ts";
import { momentForms, parseMoment } from "../../runtime/moment.ts";
import { countOf } from "../count.ts";
import type { Outcome, Session } from "../session.ts";
import { stateLabel } from "../state-label.ts";
import type { Terminal } from "../terminal.ts";

interface UndeleteCommandOptions {
  readonly dryRun?: boolean | undefined;
  readonly source?: string | undefined;
  readonly backup?: string | undefined;
  readonly since?: string | undefined;
  readonly pruned?: boolean | undefined;
  readonly verify?: boolean | undefined;
}

export async function undelete(
  { context, terminal }: Session,
  vaultName: string | undefined,
  { dryRun = false, pruned = false, verify = true, source, backup, since }: UndeleteCommandOptions,
): Promise<Outcome> {
  const { policy, run } = context;
  const options: UndeleteOptions = {
    dryRun,
    pruned,
    verify,
    source,
    backup,
    since: since === undefined ? undefined : readSince(since, run.clock.now(), policy.timezone),
  };
  const done: Undeleted[] = [];
  const unread: { readonly vault: string; readonly error: HoldfastError }[] = [];
  for (const name of chooseVaults(policy, vaultName)) {
    try {
      done.push(await undeleteVault(context, name, options));
    } catch (error) {
      if (!isHoldfastError(error) || error.name === "Interrupted" || vaultsOf(policy).length === 1 || vaultName !== undefined)
        throw error;
      if (error.name !== "VaultNotFound" || isUsed(policy, name)) unread.push({ vault: name, error });
    }
  }
  return {
    document: {
      dryRun,
      vaults: done.map(documentOf),
      ...(unread.length === 0 ? {} : { unread: unread.map(({ vault, error }) => ({ vault, error: errorDocument(error) })) }),
    },
    lines: [
      ...done.flatMap((each) => linesOf(terminal, each, dryRun)),
      ...unread.flatMap(({ vault, error }) => [
        `vault ${vault}  ${terminal.style("red", "not read")}: ${error.message} (${error.name})`,
        `  ${error.hint}`,
      ]),
    ],
    exitCode: unread[0]?.error.exitCode ?? exitCodeOf(done),
  };
}

function chooseVaults(policy: Policy, name: string | undefined): readonly string[] {
  if (name === undefined) return vaultsOf(policy);
  if (policy.vaults[name] !== undefined) return [name];
  throw new HoldfastError("VaultNotFound", `the policy has no vault "${name}"`, {
    hint: `Name one of: ${Object.keys(policy.vaults).join(", ")}.`,
  });
}

function readSince(text: string, now: Date, timezone: string): Date {
  const moment = parseMoment(text, { now, timezone });
  if ("instant" in moment) return moment.instant;
  throw new HoldfastError("UsageInvalid", `--since: ${moment.problem}`, { hint: `Write a time such as ${momentForms}.` });
}

function exitCodeOf(done: readonly Undeleted[]): ExitCode {
  const isBad = ({ objects, verified, lost }: Undeleted): boolean =>
    lost.length > 0 ||
    verified.some(({ outcome }) => outcome === "damaged") ||
    objects.some(({ left }) => left === "no-genuine-version");
  if (done.some(isBad)) return exitCodes.integrity;
  const isUnsettled = ({ failed, unjudged, verified }: Undeleted): boolean =>
    failed.length + unjudged.length > 0 || verified.some(({ outcome }) => outcome === "suspicious");
  return done.some(isUnsettled) ? exitCodes.failed : exitCodes.done;
}

function documentOf({ objects, problems, failed, verified, unjudged, ...rest }: Undeleted): object {
  return {
    ...rest,
    objects: objects.map(({ object: { key, kind, place }, by, hiddenAt, bytes, left }) => ({
      key,
      kind,
      ...(place === undefined ? {} : { source: place.source, backupId: place.id }),
      by,
      hiddenAt: hiddenAt.toISOString(),
      bytes,
      comesBack: left === undefined,
      ...(left === undefined ? {} : { left }),
    })),
    problems: [...problems].map(([backup, problem]) => ({ backup, problem: `its manifest ${problem}` })),
    failed: failed.map(({ key, error }) => ({ key, error: errorDocument(error) })),
    verified: verified.map(({ source, backupId, outcome, findings }) => ({ source, backupId, outcome, findings })),
    unjudged: unjudged.map(({ source, id, error }) => ({ source, backupId: id, error: errorDocument(error) })),
  };
}

/** What a person is told of each reason; those that nobody needs to hear of are counted only. */
const reasons: Readonly<Record<LeftReason, string>> = {
  current: "what lies on top is genuine",
  pruned: "deleted by a prune; --pruned brings it back",
  released: "the hold was released, as the audit trail says",
  withdrawn: "a tombstone of a deletion that did not happen",
  "no-genuine-version": "no version is genuine: it cannot come back",
  unnamed: "no manifest names it",
};

function linesOf(terminal: Terminal, undeleted: Undeleted, dryRun: boolean): string[] {
  const { vault, url, keepsVersions, objects, problems, failed, verified, unjudged, lost } = undeleted;
  const back = objects.filter(({ left }) => left === undefined);
  const bytes = back.reduce((sum, object) => sum + object.bytes, 0);
  const verb = dryRun ? "would come back" : "came back";
  const lines = [terminal.style("bold", `vault ${vault}, ${url}`)];
  if (!keepsVersions) lines.push("  it keeps no older versions: nothing that was deleted there can be brought back from it");
  else if (objects.length === 0) lines.push("  nothing is hidden");
  else {
    lines.push(
      ...renderTable({ head: ["BACKUP", "HIDDEN AT", "BY", "OBJECTS", "BYTES", "WHAT"], rows: rowsOf(objects, verb) }).map(
        (line) => `  ${line}`,
      ),
    );
    lines.push(`  ${countOf(back.length - failed.length, "object")} of ${formatBytes(bytes)} ${verb}`);
  }
  for (const [backup, problem] of problems) lines.push(`  ${terminal.style("red", "lost")} ${backup}: its manifest ${problem}`);
  for (const { key, error } of failed)
    lines.push(`  ${terminal.style("red", "failed")} ${key}: ${error.message} (${error.name})`, `    ${error.hint}`);
  for (const { backupId, source, outcome, findings } of verified) {
    lines.push(`  ${backupId}  of ${source}, ${stateLabel(terminal, outcome)}`);
    lines.push(...findings.map((finding) => `    ${terminal.style("red", "found")} ${finding}`));
  }
  for (const { source, id, error } of unjudged)
    lines.push(`  ${id}  of ${source}, ${terminal.style("red", "not judged")}: ${error.message}`);
  for (const { source, id } of lost) {
    if (problems.has(`${source}/${id}`)) continue;
    lines.push(
      `  ${terminal.style("red", "lost")} ${source}/${id}: there is evidence of it, and no manifest; a copy of the vault may have it`,
    );
  }
  return lines;
}

/** One row for each backup, and for what belongs to none, by what becomes of its objects. */
function rowsOf(objects: readonly PlannedObject[], verb: string): string[][] {
  const groups = new Map<string, { readonly name: string; readonly what: string; readonly objects: PlannedObject[] }>();
  for (const planned of objects) {
    const { object, by, left } = planned;
    if (left === "current") continue;
    const name = object.place === undefined ? object.key : `${object.place.source}/${object.place.id}`;
    const what = left === undefined ? verb : reasons[left];
    const group = groups.get(`${name} ${by} ${what}`);
    if (group === undefined) groups.set(`${name} ${by} ${what}`, { name, what, objects: [planned] });
    else group.objects.push(planned);
  }
  return [...groups.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, what, objects: [first, ...others] }) => {
      const all = first === undefined ? others : [first, ...others];
      const last = new Date(Math.max(...all.map(({ hiddenAt }) => hiddenAt.getTime())));
      const bytes = all.reduce((sum, object) => sum + object.bytes, 0);
      return [
        name,
        last.toISOString(),
        first?.by === "overwriting" ? "overwriting" : "deletion",
        String(all.length),
        formatBytes(bytes),
        what,
      ];
    });
}
