import { describe, expect, it } from "vitest";
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
  it("are one for each backup, restore test and verification, the day's verification of the others, and the watch", () => {
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

  it("become two more when the policy gets a source with a backup and a restore test", () => {
    const [before, after] = [schedulesOf(), schedulesOf(withSources(["invoices"]))];
    expect(Object.keys(after).filter((name) => !(name in before))).toEqual(["backup-invoices-full", "restore-test-invoices"]);
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
