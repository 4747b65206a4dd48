/**
 * Checks parsed JSON against a shape, and says where it differs first: strict, small, and without a
 * library's start-up time.
 */

/** Says what is wrong with a value at `path`, or undefined when nothing is. */
export type Shape = (value: unknown, path: string) => string | undefined;

/** Characters of a foreign name in a message: names in databases have 63 bytes. */
const maxNameShown = 200;

export interface ObjectShape {
  readonly required: Readonly<Record<string, Shape>>;
  readonly optional?: Readonly<Record<string, Shape>>;
}

/** An object with exactly these members. */
export function object({ required, optional = {} }: ObjectShape): Shape {
  return (value, path) => {
    if (!isRecord(value)) return `${path} is not an object`;
    for (const [name, shape] of Object.entries(required)) {
      if (!Object.hasOwn(value, name)) return `${path}.${name} is missing`;
      const problem = shape(value[name], `${path}.${name}`);
      if (problem !== undefined) return problem;
    }
    for (const [name, member] of Object.entries(value)) {
      if (Object.hasOwn(required, name)) continue;
      const shape = Object.hasOwn(optional, name) ? optional[name] : undefined;
      if (shape === undefined) return `${pathOf(path, name)} is unknown`;
      const problem = shape(member, `${path}.${name}`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

/** An object with any member names and one shape for all values. */
export function record(shape: Shape): Shape {
  return (value, path) => {
    if (!isRecord(value)) return `${path} is not an object`;
    return firstProblem(Object.entries(value), ([name, member]) => shape(member, pathOf(path, name)));
  };
}

export function list(shape: Shape): Shape {
  return (value, path) => {
    if (!Array.isArray(value)) return `${path} is not a list`;
    return firstProblem((value as unknown[]).entries(), ([index, item]) => shape(item, `${path}[${index}]`));
  };
}

/** Text for which `allowed` holds; `what` completes "is not …". */
export function text(what = "text", allowed: (value: string) => boolean = () => true): Shape {
  return (value, path) => (typeof value === "string" && allowed(value) ? undefined : `${path} is not ${what}`);
}

export function oneOf(...values: readonly unknown[]): Shape {
  return (value, path) =>
    values.includes(value) ? undefined : `${path} is not ${values.map((each) => JSON.stringify(each)).join(" or ")}`;
}

export function orNull(shape: Shape): Shape {
  return (value, path) => (value === null ? undefined : shape(value, path));
}

export const anything: Shape = () => undefined;
export const boolean: Shape = oneOf(true, false);
/** Names a backup's digest key (sealing/digest-key.ts). */
export const digestKeyId: Shape = text("a digest key's id", (value) => /^[0-9a-f]{16}$/.test(value));
export const sha256: Shape = text("a SHA-256 in hex", (value) => /^[0-9a-f]{64}$/.test(value));
/** ISO 8601 in UTC with milliseconds, exactly as Date writes it. */
export const instant: Shape = text("a UTC time with milliseconds", isInstant);
export const count: Shape = (value, path) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? undefined : `${path} is not a whole number from 0`;
export const amount: Shape = (value, path) =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? undefined : `${path} is not a number from 0`;

export function isInstant(value: string): boolean {
  const time = new Date(value);
  return !Number.isNaN(time.getTime()) && time.toISOString() === value;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A name that others chose goes into a message cut, and without line breaks. */
function pathOf(path: string, name: string): string {
  const shown = name.length > maxNameShown ? `${name.slice(0, maxNameShown)}…` : name;
  return `${path}.${/\p{Cc}/u.test(shown) ? JSON.stringify(shown) : shown}`;
}

function firstProblem<T>(items: Iterable<T>, check: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const problem = check(item);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
