/** A divided template put together again, as CloudFormation would resolve it. */
import { mapReferences } from "../../infra/references.ts";
import { namesOf, type Template } from "./template-model.ts";

/**
 * The root and its nested stacks, by their logical ids, as one template: a nested stack's
 * parameters are what the root gives it. Throws for a nested stack that is not given what it takes,
 * or is given more, or refers to what it does not have; and for two resources of one logical id.
 */
export function joinTemplates(root: Template, nested: Readonly<Record<string, Template>>): Template {
  const stacks = namesOf(root, "AWS::CloudFormation::Stack");
  if (JSON.stringify([...stacks].sort()) !== JSON.stringify(Object.keys(nested).sort()))
    throw new Error(`the root has ${stacks.join(", ")}, and the templates are ${Object.keys(nested).join(", ")}`);
  const rest = Object.entries(root.Resources).filter(([name]) => !stacks.includes(name));
  const all = [...rest, ...stacks.flatMap((stack) => Object.entries(resourcesOf(root, stack, nested[stack] ?? { Resources: {} })))];
  const Resources = Object.fromEntries(all);
  if (Object.keys(Resources).length !== all.length) throw new Error("a resource is in two stacks");
  return { ...root, Resources };
}

/** The resources of one nested stack, with the root's references in place of its parameters. */
function resourcesOf(root: Template, stack: string, { Resources, Parameters = {} }: Template): Template["Resources"] {
  const given = (root.Resources[stack]?.Properties?.["Parameters"] ?? {}) as Record<string, Record<string, unknown>>;
  const [takes, gets] = [Parameters, given].map((each) => Object.keys(each).sort().join(", "));
  if (takes !== gets) throw new Error(`${stack} takes ${takes}, and is given ${gets}`);
  return mapReferences(Resources, (reference) => {
    if (Object.hasOwn(Resources, reference.name) && !Object.hasOwn(Parameters, reference.name)) return reference;
    const value = given[reference.name];
    if (value === undefined || Object.hasOwn(Resources, reference.name) || reference.attribute !== undefined)
      throw new Error(`${stack} refers to ${reference.name}, which it does not have once`);
    const [name = "", attribute] = [value["Ref"] ?? value["Fn::GetAtt"]].flat() as string[];
    return attribute === undefined ? { name } : { name, attribute };
  }) as Template["Resources"];
}
