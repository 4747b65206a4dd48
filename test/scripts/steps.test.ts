import { afterEach, describe, expect, it, vi } from "vitest";
import { countTests, runSteps, type VitestReport } from "../../scripts/steps.ts";

const passed = { status: "passed" };
const green: VitestReport = {
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  success: true,
  testResults: [{ name: "/a.test.ts", status: "passed", message: "", assertionResults: [passed, passed, passed] }],
};

describe("counting a vitest run", () => {
  it.each([
    ["all passed", green, 0, { passed: 3, failed: 0 }],
    ["one failed", { ...green, numFailedTests: 1, success: false }, 1, { passed: 3, failed: 1 }],
    ["a skipped test is a failure", { ...green, numPendingTests: 2 }, 0, { passed: 3, failed: 2 }],
    ["a planned test is a failure", { ...green, numTodoTests: 1 }, 0, { passed: 3, failed: 1 }],
    [
      "a file that does not load is a failure",
      {
        ...green,
        testResults: [{ name: "/a.test.ts", status: "failed", message: "no such module", assertionResults: [] }],
        success: false,
      },
      1,
      { passed: 3, failed: 1 },
    ],
    ["no test at all is a failure", { ...green, numPassedTests: 0, testResults: [] }, 0, { passed: 0, failed: 1 }],
    ["an error outside of tests is a failure", { ...green, success: false }, 1, { passed: 3, failed: 1 }],
    ["a non-zero exit code is a failure", green, 1, { passed: 3, failed: 1 }],
    ["no report is a failure", undefined, 1, { passed: 0, failed: 1 }],
  ] as const)("%s", (_what, report, exitCode, expected) => {
    expect(countTests(report, exitCode)).toMatchObject(expected);
  });
});

describe("what failed", () => {
  it("is shown again right before the sum", async () => {
    const lines: string[] = [];
    vi.spyOn(console, "log").mockImplementation((text: string) => void lines.push(...text.split("\n")));
    await runSteps([
      { name: "one", run: () => Promise.resolve({ passed: 1, failed: 1, failures: ["test/a.test.ts: x (failed)\n    why"] }) },
      { name: "two", run: () => Promise.resolve({ passed: 1, failed: 0 }) },
    ]);
    const named = lines.indexOf("FAILED test/a.test.ts: x (failed)");
    expect(named).toBeGreaterThan(lines.findIndex((line) => line.includes("[2/2]")));
    expect(lines[named + 1]).toBe("    why");
    vi.restoreAllMocks();
  });
});

describe("running the steps", () => {
  afterEach(() => vi.restoreAllMocks());

  const step = (passed: number, failed: number) => ({ name: "a step", run: () => Promise.resolve({ passed, failed }) });
  const runQuietly = async (...steps: ReturnType<typeof step>[]) => {
    const lines: string[] = [];
    vi.spyOn(console, "log").mockImplementation((text: string) => void lines.push(...text.split("\n")));
    return { exitCode: await runSteps(steps), lines };
  };

  it("ends with the sum on a line of its own", async () => {
    const { exitCode, lines } = await runQuietly(step(3, 0), step(4, 0));
    expect(lines.at(-1)).toBe("7 passed, 0 failed");
    expect(exitCode).toBe(0);
  });

  it("runs every step after a failed one, and fails", async () => {
    const { exitCode, lines } = await runQuietly(step(0, 1), step(4, 0));
    expect(lines.at(-1)).toBe("4 passed, 1 failed");
    expect(exitCode).toBe(1);
  });

  it("runs lanes beside each other, each in its order, and counts all of them", async () => {
    const order: string[] = [];
    const released = Promise.withResolvers<void>();
    const named = (name: string, work: () => unknown = () => undefined) => ({
      name,
      async run() {
        order.push(`${name} begins`);
        await work();
        order.push(`${name} ends`);
        return { passed: 1, failed: 0 };
      },
    });
    const lines: string[] = [];
    vi.spyOn(console, "log").mockImplementation((text: string) => void lines.push(...text.split("\n")));
    const lanes = [[named("a", () => released.promise), named("b")], [named("c", released.resolve)]];
    expect(await runSteps([named("first"), lanes, named("last")])).toBe(0);
    expect(order.slice(0, 2)).toEqual(["first begins", "first ends"]);
    // The one waits for the other, so both ran at once.
    expect(order.indexOf("c begins")).toBeLessThan(order.indexOf("a ends"));
    expect(order.indexOf("a ends")).toBeLessThan(order.indexOf("b begins"));
    expect(order.slice(-2)).toEqual(["last begins", "last ends"]);
    expect(lines.at(-1)).toBe("5 passed, 0 failed");
  });

  it("runs what is left of a lane after a failure in another", async () => {
    vi.spyOn(console, "log").mockImplementation(() => undefined);
    const run = vi.fn(async () => ({ passed: 1, failed: 0 }));
    const lanes = [[step(0, 1)], [step(1, 0), { name: "after", run }]];
    expect(await runSteps([lanes])).toBe(1);
    expect(run).toHaveBeenCalledOnce();
  });

  it("fails when nothing ran", async () => {
    expect((await runQuietly()).exitCode).toBe(1);
  });
});
