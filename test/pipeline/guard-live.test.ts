/** Rows that are put into a live table, under a policy that wants a second person. */
import { expect, test } from "vitest";
import type { RestorePlan } from "../../src/engines/restore-request.ts";
import type { FoundBackup } from "../../src/pipeline/catalogue/find-backups.ts";
import type { PipelineContext } from "../../src/pipeline/pipeline-context.ts";
import { actionOf, describeOverwrite, guardOverwrite } from "../../src/pipeline/restore/guard-overwrite.ts";
import type { GuardedAction } from "../../src/policy/approvals.ts";

const plan = (more: Partial<RestorePlan>): RestorePlan => ({ target: "shop", steps: [], occupied: false, checks: [], ...more });
const intoLive = plan({ intoLive: true, standing: { identity: "database 5 of server 6", facts: [] } });
const context = (...of: GuardedAction[]) =>
  ({ policy: { approvals: { of, expiresSeconds: 3600, approvers: {} } } }) as unknown as PipelineContext;
const found = { entry: { source: "shop", id: "20261120T020000Z-full-abcdef" } } as unknown as FoundBackup;
const options = { to: "shop", overwrite: false, allowDamaged: false, only: ["public.users"], flags: new Set(["into-live", "yes"]) };

test("a live table is changed only with an approval, where the policy names that action", () => {
  const guard = (of: GuardedAction[], asked: RestorePlan) =>
    guardOverwrite(context(...of), found, options, asked, async () => asked);
  expect(() => guard(["into-live"], intoLive)).toThrow(expect.objectContaining({ name: "ApprovalNeeded" }));
  expect(guard(["overwrite"], intoLive)).toBeUndefined();
  // Beside the live one, and counting.
  expect(guard(["into-live", "overwrite"], plan({}))).toBeUndefined();
  expect(actionOf(plan({ occupied: true }))).toBe("overwrite");
});

test("the approver is asked for exactly this table, in this database", () => {
  expect(describeOverwrite(found, options, intoLive)).toMatchObject({
    action: "into-live",
    standing: "database 5 of server 6",
    options: { only: '["public.users"]', flags: '["into-live","yes"]' },
  });
});
