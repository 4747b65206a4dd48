import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startProgress } from "../../scripts/step-progress.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function start() {
  const lines: string[] = [];
  const startedAt = Date.now();
  return {
    lines,
    progress: startProgress(
      (line) => lines.push(line),
      () => Date.now() - startedAt,
    ),
  };
}

test("a step that takes minutes is never silent for more than six seconds, and says what it does and since when", () => {
  const { lines, progress } = start();
  progress.step("deploying");
  for (let second = 0; second < 120; second += 1) {
    if (second === 30) progress.doing("CREATE_COMPLETE - AWS::S3::Bucket - AuditBucket");
    vi.advanceTimersByTime(1_000);
  }
  expect(lines.length).toBeGreaterThanOrEqual(20);
  expect(lines.length).toBeLessThan(30);
  expect(lines.slice(0, 2)).toEqual(["   0 s  deploying", "   5 s    still deploying"]);
  expect(lines.at(-1)).toBe(" 120 s    still CREATE_COMPLETE - AWS::S3::Bucket - AuditBucket");
  progress.end();
});

test("each step is named as it begins, many details make few lines, and the end is the end", () => {
  const { lines, progress } = start();
  progress.step("bundling");
  progress.step("deploying");
  for (let each = 0; each < 1_000; each += 1) {
    progress.doing(`resource ${each}`);
    vi.advanceTimersByTime(10);
  }
  expect(lines.slice(0, 2)).toEqual(["   0 s  bundling", "   0 s  deploying"]);
  expect(lines.length).toBeLessThan(6);
  expect(lines.slice(2).every((line) => /^ +\d+ s {4}resource \d+$/.test(line))).toBe(true);
  progress.end();
  const count = lines.length;
  vi.advanceTimersByTime(60_000);
  expect(lines.length).toBe(count);
});
