/** Ages in words, for reasons. */

/** An age in words, in its largest whole unit. */
export function describeAge(seconds: number): string {
  const units: readonly (readonly [number, string])[] = [
    [86_400, "day"],
    [3600, "hour"],
    [60, "minute"],
  ];
  const [size, name] = units.find(([unit]) => seconds % unit === 0) ?? [1, "second"];
  const count = seconds / size;
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}
