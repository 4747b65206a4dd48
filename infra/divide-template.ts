/**
 * Divides a template: what belongs to sources goes into nested stacks, because CloudFormation takes
 * 500 resources and 1 MB in one (ADR 0041). What a nested stack refers to in the root, it is given
 * as a parameter.
 */
import { HoldfastError } from "../src/errors/holdfast-error.ts";
import { mapReferences, type Reference, referencesIn, written } from "./references.ts";

interface Part {
  readonly DependsOn?: string | readonly string[];
  readonly [field: string]: unknown;
}

export interface WholeTemplate {
  readonly Resources: Readonly<Record<string, Part>>;
  readonly Outputs?: Readonly<Record<string, unknown>>;
  readonly [section: string]: unknown;
}

export interface Division {
  readonly root: WholeTemplate;
  /** By the logical id of the nested stack. */
  readonly nested: Readonly<Record<string, WholeTemplate>>;
}

/** AWS CloudFormation quotas, "Parameters". */
const maxParameters = 200;

/**
 * `stackOf`: the nested stack of a resource, by its logical id; what refers to it and is nobody
 * else's goes with it. `urlOf`: where CloudFormation finds a nested stack's template. Errors:
 * Internal (the root refers to what belongs to a source, or a nested stack would need too many
 * parameters).
 */
export function divideTemplate(
  template: WholeTemplate,
  stackOf: Readonly<Record<string, string>>,
  urlOf: (stack: string) => unknown,
): Division {
  const placed = placeFollowers(template, stackOf);
  const inRoot = entriesWhere(template.Resources, (name) => placed[name] === undefined);
  const outputs = Object.fromEntries(
    Object.entries(template.Outputs ?? {}).filter(
      ([, output]) => !referencesIn(output).some(({ name }) => placed[name] !== undefined),
    ),
  );
  refuseReferences(inRoot, placed);
  const names = [...new Set(Object.values(placed))].sort();
  const nested = names.map((stack) => {
    const own = entriesWhere(template.Resources, (name) => placed[name] === stack);
    return { stack, ...nestedTemplate(stack, own, urlOf(stack)) };
  });
  return {
    root: {
      ...template,
      Resources: { ...inRoot, ...Object.fromEntries(nested.map(({ stack, resource }) => [stack, resource])) },
      Outputs: outputs,
    },
    nested: Object.fromEntries(nested.map(({ stack, template: own }) => [stack, own])),
  };
}

/** Versions and aliases of functions, and whatever else is made of one resource of a source. */
const followers = ["AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::Lambda::EventInvokeConfig"];

function placeFollowers({ Resources }: WholeTemplate, stackOf: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const placed: Record<string, string> = Object.fromEntries(
    Object.entries(stackOf).filter(([name]) => Object.hasOwn(Resources, name)),
  );
  // An alias follows its version, which follows its function.
  for (let before = -1; before < Object.keys(placed).length; ) {
    before = Object.keys(placed).length;
    for (const [name, resource] of Object.entries(Resources)) {
      if (placed[name] !== undefined || !followers.includes(String(resource["Type"]))) continue;
      const [stack] = referencesIn(resource["Properties"]).flatMap((reference) => placed[reference.name] ?? []);
      if (stack !== undefined) placed[name] = stack;
    }
  }
  return placed;
}

function entriesWhere(resources: WholeTemplate["Resources"], keep: (name: string) => boolean): Record<string, Part> {
  return Object.fromEntries(Object.entries(resources).filter(([name]) => keep(name)));
}

function refuseReferences(inRoot: WholeTemplate["Resources"], placed: Readonly<Record<string, string>>): void {
  for (const [name, resource] of Object.entries(inRoot)) {
    const [found] = [...referencesIn(resource), ...dependsOn(resource).map((each) => ({ name: each }))].filter(
      (reference) => placed[reference.name] !== undefined,
    );
    if (found !== undefined)
      throw new HoldfastError("Internal", `${name} refers to ${found.name}, which is in the nested stack ${placed[found.name]}`);
  }
}

const dependsOn = ({ DependsOn = [] }: Part): string[] => [DependsOn].flat() as string[];

/**
 * The parameter of each reference, by a name that no resource and no other parameter of the nested
 * stack has: CloudFormation takes a name once in a template.
 */
function parametersOf(own: Readonly<Record<string, Part>>): ReadonlyMap<string, Reference> {
  const given = new Map<string, Reference>();
  for (const reference of referencesIn(own)) {
    if (Object.hasOwn(own, reference.name) || parameterOf(given, reference) !== undefined) continue;
    let name = `${reference.name}${(reference.attribute ?? "").replaceAll(".", "")}`;
    while (given.has(name) || Object.hasOwn(own, name)) name += "2";
    given.set(name, reference);
  }
  return given;
}

function parameterOf(given: ReadonlyMap<string, Reference>, { name, attribute }: Reference): string | undefined {
  for (const [parameter, other] of given) if (other.name === name && other.attribute === attribute) return parameter;
  return undefined;
}

function nestedTemplate(stack: string, own: Readonly<Record<string, Part>>, TemplateURL: unknown) {
  const given = parametersOf(own);
  const inside = mapReferences(own, (reference) => {
    const name = parameterOf(given, reference);
    return name === undefined ? reference : { name };
  }) as Readonly<Record<string, Part>>;
  if (given.size > maxParameters)
    throw new HoldfastError(
      "Internal",
      `the nested stack ${stack} would need ${given.size} parameters, and CloudFormation takes ${maxParameters}`,
    );
  const waits = [...new Set(Object.values(own).flatMap(dependsOn))].filter((name) => !Object.hasOwn(own, name));
  const parameters = [...given].sort(([one], [other]) => (one < other ? -1 : 1));
  return {
    template: {
      AWSTemplateFormatVersion: "2010-09-09",
      Description: "Holdfast: what belongs to some of the sources",
      Parameters: Object.fromEntries(parameters.map(([name]) => [name, { Type: "String" }])),
      Resources: Object.fromEntries(Object.entries(inside).map(([name, resource]) => [name, within(own, resource)])),
    },
    resource: {
      Type: "AWS::CloudFormation::Stack",
      ...(waits.length === 0 ? {} : { DependsOn: waits }),
      Properties: {
        TemplateURL,
        Parameters: Object.fromEntries(parameters.map(([name, reference]) => [name, written(reference)])),
      },
    },
  };
}

/** Waits for its own neighbours alone; for the others, the nested stack does. */
function within(own: Readonly<Record<string, Part>>, resource: Part): Part {
  const { DependsOn: _all, ...rest } = resource;
  const waits = dependsOn(resource).filter((name) => Object.hasOwn(own, name));
  return waits.length === 0 ? rest : { ...rest, DependsOn: waits };
}
