/** Containers that stopped, as Amazon ECS tells of them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readStoppedTask } from "../../src/alerts/read-stopped-task.ts";
import { readEvent } from "../statemachines/machines.ts";

const event = readEvent("functions", "on-task") as { detail: Record<string, unknown> };
const withDetail = (detail: object): unknown => ({ ...event, detail: { ...event.detail, ...detail } });

describe("a stopped task", () => {
  it("gives its token and the reason, once, with what else ECS says", () => {
    const { taskToken, error } = readStoppedTask(event);
    expect(taskToken).toBe("AAAAKgAAAAIAAAAAAAAAAb");
    expect(error).toMatchObject({
      name: "ContainerStopped",
      message: expect.stringContaining("CannotPullContainerError: ref pull has been retried"),
      details: expect.arrayContaining(["stop code: TaskFailedToStart", expect.stringMatching(/^task: arn:aws:ecs:/)]),
    });
  });

  it("that was killed says its exit code and the container's own reason", () => {
    const containers = [{ reason: "OutOfMemoryError: Container killed due to memory usage", exitCode: 137 }];
    const stopped = withDetail({
      containers,
      stopCode: "EssentialContainerExited",
      stoppedReason: "Essential container in task exited",
    });
    expect(readStoppedTask(stopped).error.details).toEqual(
      expect.arrayContaining(["exit code of the container: 137", "OutOfMemoryError: Container killed due to memory usage"]),
    );
  });

  it.each([
    ["no overrides", { overrides: null }],
    ["no environment", { overrides: { containerOverrides: [{ name: "holdfast" }] } }],
    ["another environment", { overrides: { containerOverrides: [{ environment: [{ name: "PATH", value: "/bin" }] }] } }],
  ])("with %s has no token", (_what, detail) => {
    expect(readStoppedTask(withDetail(detail)).taskToken).toBeUndefined();
  });

  it("says that AWS gave no reason", () => {
    expect(readStoppedTask(withDetail({ stoppedReason: null })).error.message).toContain("gave no reason");
  });

  it("lets nothing of what the container was given into the error", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6 }), fc.string({ minLength: 6 }), (name, value) => {
        const marked = { name: `<${name}>`, value: `<${value}>` };
        const overrides = { containerOverrides: [{ environment: [marked, { name: "HOLDFAST_TASK_TOKEN", value: "<token>" }] }] };
        const { error } = readStoppedTask(withDetail({ overrides }));
        const said = [error.message, error.hint, ...error.details].join("\n");
        for (const text of [marked.name, marked.value, "<token>"]) expect(said).not.toContain(text);
      }),
    );
  });

  it.each([null, {}, { detail: 1 }, { detail: { overrides: "s3cret" } }])("%j is refused without a word of it", (bad) => {
    expect(() => readStoppedTask(bad)).toThrow(
      expect.objectContaining({ name: "UsageInvalid", message: expect.not.stringContaining("s3cret") }),
    );
  });
});
