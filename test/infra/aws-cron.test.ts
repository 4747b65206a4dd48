import { describe, expect, it } from "vitest";
import { awsCron, longestGapSeconds, shortestGapSeconds } from "../../infra/aws-cron.ts";

describe("a policy's cron expression, as EventBridge Scheduler says it,", () => {
  it.each([
    ["0 2 * * *", ["cron(0 2 * * ? *)"]],
    ["0 3 * * 0", ["cron(0 3 ? * 1 *)"]],
    ["30 4 1 * *", ["cron(30 4 1 * ? *)"]],
    ["0 9 * * 1-5", ["cron(0 9 ? * 2,3,4,5,6 *)"]],
    ["*/15 * * * *", ["cron(0,15,30,45 * * * ? *)"]],
    ["0 0 1 jan *", ["cron(0 0 1 1 ? *)"]],
  ])("%s keeps its days, with Sunday as 1", (text, expressions) => {
    expect(awsCron(text)).toEqual(expressions);
  });

  it("takes two expressions where a date or a weekday will do", () => {
    expect(awsCron("0 5 1 * 1")).toEqual(["cron(0 5 1 * ? *)", "cron(0 5 ? * 2 *)"]);
  });

  it.each(["0 5 1 * 0-6", "0 5 1-31 * 1"])("%s is every day, for one of its two day fields takes any day", (text) => {
    expect(awsCron(text)).toEqual(["cron(0 5 * * ? *)"]);
  });

  it("refuses days that must match both a date and a weekday", () => {
    expect(() => awsCron("0 5 */2 * 1")).toThrow(expect.objectContaining({ name: "PolicyInvalid" }));
  });

  it("refuses what takes more characters than EventBridge has", () => {
    const text = "0-58 0-22 1-30 * *";
    expect(() => awsCron(text)).toThrow(/more than 256 characters/);
  });
});

describe("the time between two runs", () => {
  it.each([
    ["*/10 * * * *", 600],
    ["0 */6 * * *", 21_600],
    ["0 2 * * *", 86_400],
    ["0 2,3 * * *", 3_600],
    ["55 23,0 * * *", 3_600],
    ["59,1 * * * *", 120],
  ])("of %s is %i s at the shortest", (text, seconds) => {
    expect(shortestGapSeconds(text)).toBe(seconds);
  });

  it.each([
    ["0 2 * * *", 1],
    ["0 6 * * 6", 7],
    ["0 4 1 * *", 31],
    ["0 4 31 * *", 61],
    ["0 0 1 1 *", 366],
    ["0 5 1 * 1", 7],
    ["0 0 29 2 *", 1_461],
  ])("of %s is %i days at the longest", (text, days) => {
    expect(longestGapSeconds(text)).toBe(days * 86_400);
  });
});
