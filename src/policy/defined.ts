/** Objects without their undefined properties: a key that is not written is not there. */

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** `object` without its undefined properties. */
export function withoutUndefined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
}

/** `make` of every defined value. */
export function mapDefined<K extends string, T, U>(
  record: Readonly<Partial<Record<K, T | undefined>>>,
  make: (value: T, name: K) => U,
): Partial<Record<K, U>> {
  const entries = Object.entries(record) as [K, T | undefined][];
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, make(value, name)]])),
  ) as Partial<Record<K, U>>;
}
