import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plannedRunsOf } from "../../infra/planned-runs.ts";
import { scheduleResources } from "../../infra/schedules.ts";
import { deploy, samplePolicyText, withSources } from "./deployments.ts";

interface Schedule {
  readonly Name: string;
  readonly ScheduleExpression: string;
  readonly ScheduleExpressionTimezone?: string;
  readonly FlexibleTimeWindow: { readonly Mode: string; readonly MaximumWindowInMinutes?: number };
  readonly Target: {
    readonly Input: unknown;
    readonly DeadLetterConfig: unknown;
    readonly RetryPolicy: { readonly MaximumEventAgeInSeconds: number; readonly MaximumRetryAttempts: number };
  };
}

function schedulesOf(text = samplePolicyText): Record<string, Schedule> {
  const schedules = Object.values(scheduleResources(deploy(text))).filter(({ Type }) => Type === "AWS::Scheduler::Schedule");
  return Object.fromEntries(schedules.map(({ Properties }) => Properties as unknown as Schedule).map((each) => [each.Name, each]));
}

function eventOf(schedule: Schedule | undefined): {
  schedule: string;
  scheduledAt: string;
  stateMachineArn: string;
  input: unknown;
} {
  const { "Fn::Sub": text } = (schedule?.Target.Input ?? {}) as { "Fn::Sub": string };
  return JSON.parse(text);
}

describe("the schedules of a policy", () => {
  it("are one for each time of a backup, restore test or verification, the day's verification of the others, and the watch", () => {
    expect(Object.keys(schedulesOf()).sort()).toEqual(
      [
        "backup-taskmaster-full",
        "restore-test-taskmaster",
        "verify-taskmaster",
        "backup-db-1-full",
        "backup-db-1-full_2",
        "backup-db1-full",
        "restore-test-db1",
        "daily-verification",
        "watch",
      ].sort(),
    );
  });

  it("are shared by sources whose runs of a kind begin together: as many as times, for 200 sources as for two", () => {
    const names = Array.from({ length: 200 }, (_, index) => `shop-${index}`);
    const [two, many] = [schedulesOf(withSources(names.slice(0, 2))), schedulesOf(withSources(names))];
    expect(Object.keys(many)).toEqual(Object.keys(two));
    const shared = Object.values(many).filter(({ Name }) => Name.startsWith("fleet-"));
    expect(shared.map(({ Name }) => Name)).toEqual([
      expect.stringMatching(/^fleet-restore-test-[0-9a-f]{8}$/),
      expect.stringMatching(/^fleet-backup-full-[0-9a-f]{8}$/),
    ]);
    expect(shared.map((schedule) => eventOf(schedule))).toEqual([
      expect.objectContaining({
        stateMachineArn: expect.stringMatching(/:holdfast-dev-fleet$/),
        // The sample's own `db1` is tested at that time.
        input: { what: "restore-test", sources: ["db1", ...names] },
      }),
      expect.objectContaining({
        stateMachineArn: expect.stringMatching(/:holdfast-dev-fleet$/),
        input: { what: "backup", kind: "full", sources: names },
      }),
    ]);
    // EventBridge Scheduler quotas, "Invocation payload": 256 KB.
    for (const schedule of shared) expect(JSON.stringify(schedule.Target.Input).length).toBeLessThan(256_000);
  });

  it("are apart where time, window or kind differ, and every run of the policy is in one of them", () => {
    const cron = fc.constantFrom("0 2 * * *", "30 3 * * 1", "*/15 * * * *");
    const sourceOf = fc.record({
      full: cron,
      window: fc.constantFrom("", "1h", "2h"),
      test: fc.option(cron),
      verify: fc.option(cron),
    });
    fc.assert(
      fc.property(fc.array(sourceOf, { minLength: 1, maxLength: 12 }), (given) => {
        const text = given.map(
          ({ full, window, test, verify }, index) =>
            `  s${index}: { engine: postgres, connection: secret:s/db, backup: { full: "${full}"${window === "" ? "" : `, window: ${window}`} }, retention: { daily: 7 }` +
            `${test === null ? "" : `, restoreTest: { schedule: "${test}" }`}${verify === null ? "" : `, verify: { schedule: "${verify}" }`} }\n`,
        );
        const policy = samplePolicyText.replace(/sources:\n[\s\S]*?alerts:\n/, `sources:\n${text.join("")}alerts:\n`);
        const runs = plannedRunsOf(deploy(policy));
        const told = runs.flatMap(({ cron: at, windowSeconds, machine, input, name }) => {
          if (name === "daily-verification") return [];
          const {
            source,
            sources = [source],
            what = machine,
            kind,
          } = input as { source?: string; sources?: string[]; what?: string; kind?: string };
          return sources.map((each) => JSON.stringify([each, what, kind ?? null, at, windowSeconds ?? null]));
        });
        const wanted = given.flatMap(({ full, window, test, verify }, index) => [
          JSON.stringify([`s${index}`, "backup", "full", full, window === "" ? null : Number.parseInt(window, 10) * 3600]),
          ...(test === null ? [] : [JSON.stringify([`s${index}`, "restore-test", null, test, null])]),
          ...(verify === null ? [] : [JSON.stringify([`s${index}`, "verify", null, verify, null])]),
        ]);
        expect(told.sort()).toEqual(wanted.sort());
        expect(new Set(runs.map(({ name }) => name)).size).toBe(runs.length);
      }),
      { numRuns: 60 },
    );
  });

  it("grow with the policy: a source has a schedule of its own until another begins with it", () => {
    const [before, after] = [schedulesOf(), schedulesOf(withSources(["invoices"]))];
    expect(Object.keys(after).filter((name) => !(name in before))).toEqual([
      expect.stringMatching(/^fleet-restore-test-/),
      "backup-invoices-full",
    ]);
    expect(Object.keys(before).filter((name) => !(name in after))).toEqual(["restore-test-db1"]);
    expect(after["backup-invoices-full"]?.ScheduleExpression).toBe("cron(0 4 * * ? *)");
    expect(eventOf(after["daily-verification"]).input).toEqual({ sources: ["db-1", "db1", "invoices"] });
  });

  it("begin within the policy's backup window, and apart from the next run", () => {
    const withWindow = (text: string) => samplePolicyText.replace(/full: "0 2 \* \* \*"/, `full: "${text}", window: 2h`);
    const minutesOf = (cron: string) => schedulesOf(withWindow(cron))["backup-taskmaster-full"]?.FlexibleTimeWindow;
    expect(minutesOf("0 2 * * *")).toEqual({ Mode: "FLEXIBLE", MaximumWindowInMinutes: 120 });
    expect(minutesOf("0 * * * *")).toEqual({ Mode: "FLEXIBLE", MaximumWindowInMinutes: 20 });
  });

  it("follow an edit of the policy's time and zone", () => {
    const edited = samplePolicyText.replace("0 2 * * *", "45 23 * * *").replace("Europe/Berlin", "America/New_York");
    const schedule = schedulesOf(edited)["backup-taskmaster-full"];
    expect(schedule).toMatchObject({ ScheduleExpression: "cron(45 23 * * ? *)", ScheduleExpressionTimezone: "America/New_York" });
  });

  it("start the machine with its input under the schedule's name and instant", () => {
    expect(eventOf(schedulesOf()["backup-taskmaster-full"])).toEqual({
      schedule: "backup-taskmaster-full",
      scheduledAt: "<aws.scheduler.scheduled-time>",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own
      stateMachineArn: "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:holdfast-dev-backup",
      input: { source: "taskmaster", kind: "full" },
    });
  });

  it("give both expressions of one backup one name, so that a day that matches both brings one backup", () => {
    const { "backup-db-1-full": first, "backup-db-1-full_2": second } = schedulesOf();
    expect(eventOf(second)).toEqual(eventOf(first));
    expect(second?.ScheduleExpression).not.toBe(first?.ScheduleExpression);
  });

  it("have a window, retries and a queue for what could not be delivered; none is delivered later than the next run", () => {
    for (const schedule of Object.values(schedulesOf())) {
      expect(schedule.Target.DeadLetterConfig, schedule.Name).toEqual({ Arn: { "Fn::GetAtt": ["ScheduleQueue", "Arn"] } });
      expect(schedule.Target.RetryPolicy.MaximumRetryAttempts, schedule.Name).toBeGreaterThan(0);
      expect(schedule.Target.RetryPolicy.MaximumEventAgeInSeconds, schedule.Name).toBeLessThanOrEqual(3_600);
    }
    const { "backup-taskmaster-full": daily, "backup-db1-full": frequent } = schedulesOf();
    expect(daily?.FlexibleTimeWindow).toEqual({ Mode: "FLEXIBLE", MaximumWindowInMinutes: 5 });
    expect(frequent?.FlexibleTimeWindow).toEqual({ Mode: "FLEXIBLE", MaximumWindowInMinutes: 3 });
    expect(frequent?.Target.RetryPolicy.MaximumEventAgeInSeconds).toBe(600);
  });

  it("fit into an execution's name with its instant, whatever the source is called", () => {
    const longest = "a".repeat(63);
    for (const schedule of Object.values(schedulesOf(withSources([longest])))) {
      expect(schedule.Name.length, schedule.Name).toBeLessThanOrEqual(63);
    }
  });
});
