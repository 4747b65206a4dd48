/**
 * What is refused, or asked, before anything is started: a slip of the pen must start no machine,
 * whose failure would alert everybody.
 */
import { homedir, tmpdir } from "node:os";
import { expect, test } from "vitest";
import type { Session } from "../../../src/cli/session.ts";
import { backupOnStack, restoreOnStack, restoreTestOnStack, verifyOnStack } from "../../../src/cli/stack/commands.ts";
import { createTerminal } from "../../../src/cli/terminal.ts";
import { createPipelineContext } from "../../../src/pipeline/pipeline-context.ts";
import { parsePolicy } from "../../../src/policy/parse-policy.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { hostileTargets } from "../../functions/hostile-targets.ts";
import { fakeStream } from "../fake-stream.ts";

const text = `version: 1
vaults: { main: s3://acme-backups }
keys: { main: kms:alias/holdfast }
sources:
  shop: { engine: postgres, connection: { secret: shop/db }, retention: { daily: 7 } }
  tree: { engine: files, path: /srv/tree, retention: { daily: 7 } }
`;

/**
 * A session that can reach nothing: whatever these commands ask AWS for would fail with another
 * error.
 */
const session: Session = {
  terminal: createTerminal({ json: false, stdout: fakeStream().stream, stderr: fakeStream().stream }),
  stack: "holdfast-prod",
  context: createPipelineContext(
    parsePolicy(text, "holdfast-prod/policy", { directory: "/", home: homedir() }),
    {
      clock: { ...systemClock, now: () => new Date("2026-11-21T06:13:00Z") },
      randomBytes: (count) => new Uint8Array(count),
      signal: AbortSignal.abort(),
      log: { info: () => undefined, warn: () => undefined },
      progress: { phase: () => undefined, advance: () => undefined },
      temporaryDirectory: tmpdir(),
      toolPath: [],
      identity: "test",
      environment: {},
    },
    "0.0.0-test",
  ),
};

const backup = { kind: "full", verify: true, prune: true } as const;
const refused: readonly [string, () => Promise<unknown>, string, string][] = [
  ["a source that is not there", () => backupOnStack(session, "shpo", backup), "SourceNotFound", 'no source "shpo"'],
  ["--no-verify", () => backupOnStack(session, "shop", { ...backup, verify: false }), "UsageInvalid", "--no-verify"],
  ["--no-prune", () => backupOnStack(session, "shop", { ...backup, prune: false }), "UsageInvalid", "--no-prune"],
  ["--alert on a backup", () => backupOnStack(session, "shop", { ...backup, alert: true }), "UsageInvalid", "--alert"],
  ["--alert on a restore test", () => restoreTestOnStack(session, "shop", { alert: true }), "UsageInvalid", "--alert"],
  ["--alert on a verification", () => verifyOnStack(session, undefined, { all: true, alert: true }), "UsageInvalid", "--alert"],
  ["a test of what is not there", () => restoreTestOnStack(session, "shpo@latest"), "SourceNotFound", 'no source "shpo"'],
  ["verify without a word", () => verifyOnStack(session, undefined, {}), "UsageInvalid", "one of"],
  [
    "verify of a source and of all",
    () => verifyOnStack(session, undefined, { source: "shop", all: true }),
    "UsageInvalid",
    "one of",
  ],
  [
    "verify of what is not there",
    () => verifyOnStack(session, undefined, { source: "shpo" }),
    "SourceNotFound",
    'no source "shpo"',
  ],
  ["accepting without a backup", () => verifyOnStack(session, undefined, { all: true, accept: "x" }), "UsageInvalid", "one backup"],
  ["a restore over something without a reason", () => restore("shop", { overwrite: true }), "UsageInvalid", "second person"],
  ["to take an overwrite back", () => restore("shop", { swapBack: true }), "RestoreRefused", "take an overwrite back"],
  ["a restore of what is damaged", () => restore("shop_restored", { allowDamaged: true }), "RestoreRefused", "damaged"],
  ["a restore to an instant", () => restore("shop_restored", { until: "2026-11-20T10:00:00Z" }), "RestoreRefused", "--until"],
  ["a restore of files", () => restoreOnStack(session, "tree@latest", { to: "copy" }), "RestoreRefused", "lies on one machine"],
  ...hostileTargets.map((to): (typeof refused)[number] => [
    `a target ${to}`,
    () => restore(to),
    "UsageInvalid",
    "the target after --to",
  ]),
];

function restore(to: string, more: object = {}): Promise<unknown> {
  return restoreOnStack(session, "shop@latest", { to, ...more });
}

test.each(refused)("%s is refused", async (_, work, name, words) => {
  const error = await work().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name, message: expect.stringContaining(words) });
  expect(JSON.stringify(error) + String(error)).not.toContain("hunter2");
});

test.each(["overwrite", "swap"])("--%s needs a reason, for the second person", async (option) => {
  await expect(restore("shop_restored", { [option]: true })).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining("second person"),
  });
});

test.each(["shop_restored", "standby"])("--dry-run says what would be started, for %s", async (to) => {
  expect(await restoreOnStack(session, "shop@latest", { to, dryRun: true })).toMatchObject({
    document: {
      dryRun: true,
      machine: "holdfast-prod-restore",
      name: "restore-shop-by-hand-20261121T061300Z",
      input: { source: "shop", backup: "latest", to, requestedBy: expect.stringMatching(/^[^@]+@[^@]+$/) },
    },
  });
});
