/**
 * Checks parsed JSON against a shape, and says where it differs first: strict, small, and without a
 * library's start-up time.
 */

/**
 * Says what is wrong with a value at `path`, or undefined when nothing is: then it is a `T`
 * (ShapeOf), so that a document's type is written once, as its shape.
 */
export interface Shape<T = unknown> {
  (value: unknown, path: string): string | undefined;
  /** Never there: it carries the type. */
  readonly type?: T;
}

/** The type of the values that a shape takes. */
export type ShapeOf<S> = S extends Shape<infer T> ? T : never;

/** Characters of a foreign name in a message: names in databases have 63 bytes. */
const maxNameShown = 200;

type Members = Readonly<Record<string, Shape>>;

/** An object with exactly these members. */
export function object<R extends Members, O extends Members = Record<never, Shape>>({
  required,
  optional,
}: {
  readonly required: R;
  readonly optional?: O;
}): Shape<{ readonly [K in keyof R]: ShapeOf<R[K]> } & { readonly [K in keyof O]?: ShapeOf<O[K]> | undefined }> {
  const others: Members = optional ?? {};
  return (value, path) => {
    if (!isRecord(value)) return `${path} is not an object`;
    for (const [name, shape] of Object.entries(required)) {
      if (!Object.hasOwn(value, name)) return `${path}.${name} is missing`;
      const problem = shape(value[name], `${path}.${name}`);
      if (problem !== undefined) return problem;
    }
    for (const [name, member] of Object.entries(value)) {
      if (Object.hasOwn(required, name)) continue;
      const shape = Object.hasOwn(others, name) ? others[name] : undefined;
      if (shape === undefined) return `${pathOf(path, name)} is unknown`;
      const problem = shape(member, `${path}.${name}`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

/** An object with any member names and one shape for all values. */
export function record<T>(shape: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value, path) => {
    if (!isRecord(value)) return `${path} is not an object`;
    return firstProblem(Object.entries(value), ([name, member]) => shape(member, pathOf(path, name)));
  };
}

export function list<T>(shape: Shape<T>): Shape<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) return `${path} is not a list`;
    return firstProblem((value as unknown[]).entries(), ([index, item]) => shape(item, `${path}[${index}]`));
  };
}

/** Text for which `allowed` holds; `what` completes "is not …". */
export function text(what = "text", allowed: (value: string) => boolean = () => true): Shape<string> {
  return (value, path) => (typeof value === "string" && allowed(value) ? undefined : `${path} is not ${what}`);
}

export function oneOf<const T extends readonly unknown[]>(...values: T): Shape<T[number]> {
  return (value, path) =>
    values.includes(value) ? undefined : `${path} is not ${values.map((each) => JSON.stringify(each)).join(" or ")}`;
}

export function orNull<T>(shape: Shape<T>): Shape<T | null> {
  return (value, path) => (value === null ? undefined : shape(value, path));
}

export const anything: Shape = () => undefined;
export const boolean: Shape<boolean> = oneOf(true, false);
/** Names a backup's digest key (sealing/digest-key.ts). */
export const digestKeyId: Shape = text("a digest key's id", (value) => /^[0-9a-f]{16}$/.test(value));
export const sha256: Shape<string> = text("a SHA-256 in hex", (value) => /^[0-9a-f]{64}$/.test(value));
/** ISO 8601 in UTC with milliseconds, exactly as Date writes it. */
export const instant: Shape<string> = text("a UTC time with milliseconds", isInstant);
export const count: Shape<number> = (value, path) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? undefined : `${path} is not a whole number from 0`;
export const amount: Shape<number> = (value, path) =>
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
