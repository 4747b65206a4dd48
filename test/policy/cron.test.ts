import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cronPattern, parseCron } from "../../src/policy/cron.ts";

const range = (low: number, high: number, step = 1) =>
  Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, index) => low + index * step);

describe("cron expressions", () => {
  it("expands every field", () => {
    expect(parseCron("0 2 * * *")).toEqual({
      value: {
        minutes: [0],
        hours: [2],
        daysOfMonth: range(1, 31),
        months: range(1, 12),
        daysOfWeek: range(0, 6),
        eitherDay: false,
      },
    });
  });

  it.each([
    ["*/15 * * * *", "minutes", [0, 15, 30, 45]],
    ["5,3,3-4 * * * *", "minutes", [3, 4, 5]],
    ["0-30/10 * * * *", "minutes", [0, 10, 20, 30]],
    ["0 */7 * * *", "hours", [0, 7, 14, 21]],
    ["0 0 1,15 * *", "daysOfMonth", [1, 15]],
    ["0 0 * JAN,jun-Aug *", "months", [1, 6, 7, 8]],
    ["0 0 * * mon-fri", "daysOfWeek", [1, 2, 3, 4, 5]],
    ["0 0 * * 7", "daysOfWeek", [0]],
    ["0 0 * * 5-7", "daysOfWeek", [0, 5, 6]],
    ["0 0 * * sun,0,7", "daysOfWeek", [0]],
    ["0 0 * * */2", "daysOfWeek", [0, 2, 4, 6]],
    ["  0   2 * * *  ", "hours", [2]],
    ["0 0 29 2 *", "daysOfMonth", [29]],
  ] as const)("reads %j", (text, field, expected) => {
    const parsed = parseCron(text);
    expect("value" in parsed && parsed.value[field]).toEqual(expected);
  });

  it("takes either day when both fields of the day are restricted", () => {
    const either = (text: string) => {
      const parsed = parseCron(text);
      return "value" in parsed ? parsed.value.eitherDay : undefined;
    };
    expect([either("0 0 13 * fri"), either("0 0 13 * *"), either("0 0 * * fri"), either("0 0 */2 * fri")]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  const minute = 'minute "61": "61" is not allowed; 0-59, lists with commas, ranges, and steps such as */2';
  const form =
    'write a cron expression with five fields such as "0 2 * * *" (minute, hour, day of the month, month, day of the week)';
  it.each([
    ["61 * * * *", minute],
    ["0 24 * * *", 'hour "24": "24" is not allowed; 0-23, lists with commas, ranges, and steps such as */2'],
    ["0 0 0 * *", 'day of the month "0": "0" is not allowed; 1-31, lists with commas, ranges, and steps such as */2'],
    ["0 0 * 13 *", 'month "13": "13" is not allowed; 1-12 or jan-dec, lists with commas, ranges, and steps such as */2'],
    ["0 0 * * 8", 'day of the week "8": "8" is not allowed; 0-7 or sun-sat, lists with commas, ranges, and steps such as */2'],
    [
      "0 0 * * mno",
      'day of the week "mno": "mno" is not allowed; 0-7 or sun-sat, lists with commas, ranges, and steps such as */2; did you mean "mon"?',
    ],
    [
      "0 0 * * monday",
      'day of the week "monday": "monday" is not allowed; 0-7 or sun-sat, lists with commas, ranges, and steps such as */2; did you mean "mon"?',
    ],
    ["61 24 * * *", `${minute}; hour "24": "24" is not allowed; 0-23, lists with commas, ranges, and steps such as */2`],
    ["*/90 * * * *", 'minute "*/90": the step 90 is larger than the range 0-59, and would count only 0'],
    ["*/0 * * * *", 'minute "*/0": the step "0" is not a whole number of at least 1'],
    ["*/x * * * *", 'minute "*/x": the step "x" is not a whole number of at least 1'],
    ["1/2/3 * * * *", 'minute "1/2/3": only one / is allowed'],
    ["5/15 * * * *", 'minute "5/15": a step needs a range; write 5-59/15'],
    ["0 22-2 * * *", 'hour "22-2": the range 22-2 runs backwards; write 22-23,0-2'],
    ["0 23-0 * * *", 'hour "23-0": the range 23-0 runs backwards; write 23,0'],
    ["0 0 * * fri-mon", 'day of the week "fri-mon": the range fri-mon runs backwards; write fri-6,0-mon'],
    ["1-2-3 * * * *", 'minute "1-2-3": "1-2-3" is not a range; 0-59, lists with commas, ranges, and steps such as */2'],
    ["1, * * * *", 'minute "1,": a value is missing beside the comma'],
    ["1- * * * *", 'minute "1-": a number is missing; 0-59, lists with commas, ranges, and steps such as */2'],
    [
      "0 0 ? * *",
      'day of the month "?": "?", "L", "W" and "#" are not of this cron; 1-31, lists with commas, ranges, and steps such as */2',
    ],
    [
      "0 0 L * *",
      'day of the month "L": "?", "L", "W" and "#" are not of this cron; 1-31, lists with commas, ranges, and steps such as */2',
    ],
    ["0 2 * *", `"0 2 * *" has 4 fields; ${form}`],
    ["0 0 2 * * *", `"0 0 2 * * *" has 6 fields; ${form}, without seconds and years`],
    ["@daily", '"@daily" is not allowed; write the five fields, "0 0 * * *"'],
    ["daily", `"daily" has 1 field; ${form}`],
    ["rate(1 hour)", `"rate(1 hour)" is not allowed; ${form}`],
    ["", `is empty; ${form}`],
    ["0 0 30 2 *", '"0 0 30 2 *" never comes: no such month has that many days'],
    ["0 0 31 4,6 *", '"0 0 31 4,6 *" never comes: no such month has that many days'],
  ])("refuses %j", (text, problem) => {
    expect(parseCron(text)).toEqual({ problem });
  });

  it("agrees with a plain reading of any expression that is put together from valid parts", () => {
    fc.assert(
      fc.property(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6), (...parts) => {
        const text = parts.map((part) => part.text).join(" ");
        const parsed = parseCron(text);
        const [minutes, hours, daysOfMonth, months, daysOfWeek] = parts.map((part) => part.values);
        const restricted = [parts[2], parts[4]].every((part) => !part.text.startsWith("*"));
        const comes = restricted || comesAtAll(daysOfMonth ?? [], months ?? []);
        if (!comes) expect("problem" in parsed).toBe(true);
        else expect(parsed).toEqual({ value: { minutes, hours, daysOfMonth, months, daysOfWeek, eitherDay: restricted } });
        expect(text).toMatch(new RegExp(cronPattern));
      }),
    );
  });

  it("gives an answer for any text", () => {
    const noise = fc.oneof(
      fc.string(),
      fc
        .array(fc.constantFrom("*", "/", "-", ",", "0", "7", "59", "99", "mon", " ", "L"), { maxLength: 20 })
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(noise, (text) => {
        const parsed = parseCron(text);
        if ("problem" in parsed) expect(parsed.problem.length).toBeGreaterThan(10);
        else
          for (const list of [parsed.value.minutes, parsed.value.hours, parsed.value.daysOfMonth, parsed.value.months])
            expect(list.length).toBeGreaterThan(0);
      }),
    );
  });
});

/**
 * A random field and, found in another way, its values: every number of the field is asked whether
 * an item holds it.
 */
function field(low: number, high: number): fc.Arbitrary<{ text: string; values: number[] }> {
  const span = fc
    .tuple(fc.integer({ min: low, max: high }), fc.integer({ min: low, max: high }))
    .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  const item = fc.oneof(
    fc.constant({ text: "*", holds: () => true }),
    fc
      .integer({ min: 1, max: high - low })
      .map((step) => ({ text: `*/${step}`, holds: (value: number) => (value - low) % step === 0 })),
    fc.integer({ min: low, max: high }).map((only) => ({ text: `${only}`, holds: (value: number) => value === only })),
    span.map(([first, last]) => ({ text: `${first}-${last}`, holds: (value: number) => value >= first && value <= last })),
    span
      .filter(([first, last]) => last > first)
      .chain(([first, last]) =>
        fc.integer({ min: 1, max: last - first }).map((step) => ({
          text: `${first}-${last}/${step}`,
          holds: (value: number) => value >= first && value <= last && (value - first) % step === 0,
        })),
      ),
  );
  return fc.array(item, { minLength: 1, maxLength: 4 }).map((items) => ({
    text: items.map(({ text }) => text).join(","),
    values: range(low, high).filter((value) => items.some(({ holds }) => holds(value))),
  }));
}

/** Whether the calendar of a leap year has such a day. */
function comesAtAll(days: readonly number[], months: readonly number[]): boolean {
  return months.some((month) => days.some((day) => new Date(Date.UTC(2028, month - 1, day)).getUTCMonth() === month - 1));
}
