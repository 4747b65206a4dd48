/** What a part of a template refers to, and the same part with other references. */

/** A resource of the template, or one of its attributes. */
export interface Reference {
  readonly name: string;
  /** Absent: `Ref`. */
  readonly attribute?: string;
}

/** Gives what stands for a reference: itself, or a `Ref` to something else. */
type Replace = (reference: Reference) => Reference;

/** `value` with every reference to a resource replaced; those to `AWS::…` stay. */
export function mapReferences(value: unknown, replace: Replace): unknown {
  if (Array.isArray(value)) return value.map((each) => mapReferences(each, replace));
  if (typeof value !== "object" || value === null) return value;
  const [[key, argument] = ["", undefined], ...more] = Object.entries(value);
  if (more.length === 0 && key === "Ref") return isPseudo(String(argument)) ? value : written(replace({ name: String(argument) }));
  if (more.length === 0 && key === "Fn::GetAtt") return written(replace(readAttribute(argument)));
  if (more.length === 0 && key === "Fn::Sub") return { "Fn::Sub": mapText(argument, replace) };
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, mapReferences(each, replace)]));
}

/** All of them, in `value` at any depth. */
export function referencesIn(value: unknown): Reference[] {
  const found: Reference[] = [];
  mapReferences(value, (reference) => {
    found.push(reference);
    return reference;
  });
  return found;
}

const isPseudo = (name: string): boolean => name.startsWith("AWS::");

/** As a list, or as text with a dot. */
function readAttribute(argument: unknown): Reference {
  const [name = "", ...attribute] = Array.isArray(argument) ? argument.map(String) : String(argument).split(".");
  return { name, attribute: attribute.join(".") };
}

export function written({ name, attribute }: Reference): unknown {
  return attribute === undefined ? { Ref: name } : { "Fn::GetAtt": [name, attribute] };
}

/**
 * `${Name}`, `${Name.Attribute}`; `${!…}` is text. Names of the second argument are not resources.
 */
function mapText(argument: unknown, replace: Replace): unknown {
  const [text, own] = Array.isArray(argument) ? (argument as [string, Record<string, unknown>]) : [String(argument), undefined];
  const mapped = text.replaceAll(/\$\{([^!}][^}]*)\}/g, (whole, inner: string) => {
    if (isPseudo(inner) || Object.hasOwn(own ?? {}, inner)) return whole;
    const { name, attribute } = replace(inner.includes(".") ? readAttribute(inner) : { name: inner });
    return `\${${name}${attribute === undefined ? "" : `.${attribute}`}}`;
  });
  return own === undefined ? mapped : [mapped, mapReferences(own, replace)];
}
