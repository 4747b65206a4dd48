/**
 * The JSON Schema of holdfast.yml (draft 2020-12), made of the same definition that the parser
 * uses.
 */
import * as z from "zod";
import type { EnginePolicies } from "./engine-policy.ts";
import { enginePolicies } from "./engines.ts";
import { policySchema } from "./policy-schema.ts";

/** A JSON Schema with the house's own keywords, which the published one does not hold. */
export interface DescribedSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, DescribedSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: DescribedSchema | false;
  readonly items?: DescribedSchema;
  readonly anyOf?: readonly DescribedSchema[];
  readonly oneOf?: readonly DescribedSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  /** Values as they are written. */
  readonly samples?: readonly unknown[];
  /** The default in words, where it is no constant. */
  readonly defaultNote?: string;
  /** What kind of text it is, in a word or two. */
  readonly form?: string;
}

/**
 * The schema of what people write, short forms included, with the words that the reference page is
 * made of.
 */
export function describePolicy(engines: EnginePolicies = enginePolicies): DescribedSchema {
  return z.toJSONSchema(policySchema(engines), { io: "input", target: "draft-2020-12" }) as DescribedSchema;
}

/** The published schema: standard keywords only, for editors and validators. */
export function publishedSchema(engines: EnginePolicies = enginePolicies): Record<string, unknown> {
  const { $schema, description, ...rest } = publish(describePolicy(engines)) as Record<string, unknown>;
  return { $schema, title: "Holdfast policy", description, ...rest };
}

/** Keywords in the order in which people read them; others follow. */
const order = ["description", "type", "const", "enum", "pattern", "default", "examples", "required", "properties"];

function publish(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(publish);
  if (typeof value !== "object" || value === null) return value;
  const { samples, defaultNote, form, ...schema } = value as Record<string, unknown>;
  const published: Record<string, unknown> = {};
  for (const [keyword, content] of Object.entries(schema)) {
    // `default: {}` says only that the defaults inside apply.
    if (keyword === "default" && typeof content === "object") continue;
    published[keyword] = keyword === "properties" ? publishEach(content as Record<string, unknown>) : publish(content);
  }
  if (Array.isArray(samples) && samples.length > 0) published["examples"] = samples;
  if (typeof defaultNote === "string") published["description"] = `${String(published["description"])} Default: ${defaultNote}.`;
  const rank = (keyword: string) => (order.includes(keyword) ? order.indexOf(keyword) : order.length);
  return Object.fromEntries(Object.entries(published).sort(([a], [b]) => rank(a) - rank(b)));
}

/** Properties keep their order; their names are the user's, not keywords. */
function publishEach(properties: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, publish(schema)]));
}
