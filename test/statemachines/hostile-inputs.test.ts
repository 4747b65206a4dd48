/**
 * What a person who may start a machine can put into its input: it ends in an alert that can be
 * sent, or does what it was asked for.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { step as due } from "../../functions/due.ts";
import { step as notify } from "../../functions/notify.ts";
import { step as plan } from "../../functions/plan.ts";
import { step as prove } from "../../functions/prove.ts";
import { step as record } from "../../functions/record.ts";
import { step as restore } from "../../functions/restore.ts";
import { type Answer, runMachine, TaskError } from "./interpreter.ts";
import { readEvent, readMachine } from "./machines.ts";

const steps = { due, notify, plan, preflight: restore, prove, record, restore };
const results: Readonly<Record<string, string>> = { "plan restore": "plan-restore", "plan restore-test": "plan-restore-test" };

/**
 * Runs a machine; a function that refuses its payload fails as the deployed one does. Gives the
 * alerts that `notify` took.
 */
async function alertsOf(
  machine: string,
  input: unknown,
): Promise<{ status: string; restored: unknown[]; alerts: { cause: string }[] }> {
  const alerts: { cause: string }[] = [];
  const restored: unknown[] = [];
  const answer: Answer = (task, payload) => {
    const name = task.replace("fargate:", "") as keyof typeof steps;
    const parsed = steps[name].input.safeParse(JSON.parse(JSON.stringify(payload)));
    if (!parsed.success) throw new TaskError("UsageInvalid", parsed.error.message);
    // That a restore begins is told beside what becomes of it.
    const isStart = (payload as Record<string, unknown>)["error"] === "RestoreStarted";
    if (name === "notify" && !isStart) alerts.push(parsed.data as { cause: string });
    if (name === "restore") restored.push((parsed.data as { to: unknown }).to);
    const asked = String((payload as Record<string, unknown>)["step"] ?? "");
    return readEvent("results", results[`${name} ${asked}`] ?? name);
  };
  const { status } = await runMachine(readMachine(machine), input, answer);
  return { status, restored, alerts };
}

const sample = readEvent("machines", "restore");
const anyValue = fc.oneof(
  fc.constantFrom(
    null,
    true,
    0,
    12_345,
    "",
    [],
    {},
    ["shop"],
    { $: "x" },
    "x".repeat(100_000),
    "a\nb\u001b[2J\u202e",
    "{% 1 %}",
    "__proto__",
  ),
  fc.jsonValue({ maxDepth: 2 }),
  fc.string({ unit: "binary", maxLength: 300 }),
);

test("a restore that is asked for with anything tells the people, and goes to a plain name only", {
  timeout: 120_000,
}, async () => {
  const field = fc.constantFrom("source", "backup", "to", "requestedBy", "more");
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(field, anyValue), { minLength: 1, maxLength: 4 }),
      fc.subarray(["to", "requestedBy"]),
      async (changes, left) => {
        const changed: Record<string, unknown> = { ...sample, ...Object.fromEntries(changes) };
        for (const name of left) delete changed[name];
        const input = JSON.parse(JSON.stringify(changed)) as unknown;
        const { status, restored, alerts } = await alertsOf("restore", input);
        expect(alerts.length, JSON.stringify(input).slice(0, 300)).toBe(1);
        expect(alerts[0]?.cause.length).toBeLessThan(32_768);
        for (const to of restored) expect(to).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/);
        expect(status).toBe(restored.length === 1 ? "SUCCEEDED" : "FAILED");
      },
    ),
    { numRuns: 150 },
  );
});

test.each([
  ["no name", {}, "asked for by someone without a name"],
  ["a name", { requestedBy: "ops@example.com" }, "asked for by ops@example.com"],
  ["a novel", { requestedBy: "x".repeat(100_000) }, `asked for by ${"x".repeat(200)}`],
])("a restore says who asked for it: %s", async (_, given, cause) => {
  const { requestedBy: _name, ...rest } = sample;
  const { status, alerts } = await alertsOf("restore", { ...rest, ...given });
  expect([status, alerts[0]?.cause]).toEqual(["SUCCEEDED", cause]);
});

test("a restore test of anything tells the people when it is refused", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(anyValue, anyValue, async (source, backup) => {
      const { status, alerts } = await alertsOf("restore-test", JSON.parse(JSON.stringify({ source, backup })));
      if (status === "FAILED") expect(alerts.length).toBe(1);
      else expect(alerts).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
