import { describe, expect, it } from "vitest";
import { parseShare, sharePattern } from "../../src/policy/share.ts";

describe("shares", () => {
  it.each([
    ["50%", 0.5],
    ["100%", 1],
    ["2.5%", 0.025],
    ["1%", 0.01],
  ])("reads %s", (text, share) => {
    expect(parseShare(text)).toEqual({ value: share });
    expect(text).toMatch(new RegExp(sharePattern));
  });

  it.each([
    ["0%", '"0%" is not allowed; more than 0% and at most 100%'],
    ["101%", '"101%" is not allowed; more than 0% and at most 100%'],
    ["0.5", '"0.5" is not a share such as 50%'],
    ["half", '"half" is not a share such as 50%'],
    ["-5%", '"-5%" is not a share such as 50%'],
  ])("refuses %s", (text, problem) => {
    expect(parseShare(text)).toEqual({ problem });
  });
});
