/** Nested stacks: nothing is lost, nothing is in two, and every reference leads where it did. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { divideTemplate, type WholeTemplate } from "../../infra/divide-template.ts";
import { sourceStacks, stackOfSource } from "../../infra/source-stacks.ts";
import { deploy, withSources } from "./deployments.ts";
import { joinTemplates } from "./join-templates.ts";
import { resolve, type Template } from "./template-model.ts";

const urlOf = (stack: string) => `https://s3.eu-central-1.amazonaws.com/bucket/${stack}`;

/**
 * Roots that refer to each other, and owned ones that refer to roots and to their own neighbours.
 */
const whole = fc
  .record({
    roots: fc.integer({ min: 1, max: 4 }),
    owned: fc.array(fc.record({ stack: fc.integer({ min: 1, max: 3 }), to: fc.nat(20), form: fc.nat(4) }), { maxLength: 8 }),
  })
  .map(({ roots, owned }) => {
    const names = Array.from({ length: roots }, (_, index) => `Root${index}`);
    const stackOf = Object.fromEntries(owned.map(({ stack }, index) => [`Own${index}`, `Sources${stack}`]));
    const resources: Record<string, { Type: string; Properties: Record<string, unknown>; DependsOn?: string[] }> =
      Object.fromEntries(
        names.map((name, index) => [
          name,
          {
            Type: "AWS::SQS::Queue",
            Properties: { QueueName: name, After: { "Fn::GetAtt": [names[(index + 1) % roots], "Arn"] } },
          },
        ]),
      );
    for (const [index, { stack, to, form }] of owned.entries()) {
      const reachable = [...names, ...Object.keys(stackOf).filter((name) => stackOf[name] === `Sources${stack}`)];
      const target = reachable[to % reachable.length] ?? "Root0";
      const forms: readonly unknown[] = [
        { Ref: target },
        { "Fn::GetAtt": [target, "Arn"] },
        { "Fn::Sub": `\${AWS::Region}/\${${target}}/\${${target}.Arn}` },
        { "Fn::Sub": [`\${own}-\${${target}.Arn}`, { own: { Ref: target } }] },
        { "Fn::Join": [":", [{ Ref: target }, { "Fn::GetAtt": [target, "Arn"] }]] },
      ];
      resources[`Own${index}`] = {
        Type: "AWS::SQS::Queue",
        Properties: { QueueName: `own-${index}`, Of: [{ deep: forms[form] }] },
        ...(target === `Own${index}` ? {} : { DependsOn: [target] }),
      };
    }
    return { template: { Resources: resources } as WholeTemplate, stackOf };
  });

describe("a divided template", () => {
  it("has every resource once, and every reference resolves to what it was", () => {
    fc.assert(
      fc.property(whole, ({ template, stackOf }) => {
        const { root, nested } = divideTemplate(template, stackOf, urlOf);
        const own = Object.values(nested).flatMap(({ Resources }) => Object.keys(Resources));
        const kept = Object.keys(root.Resources).filter((name) => !(name in nested));
        expect([...own, ...kept].sort()).toEqual(Object.keys(template.Resources).sort());
        for (const [name, stack] of Object.entries(stackOf)) expect(nested[stack]?.Resources).toHaveProperty(name);
        const joined = joinTemplates(root as unknown as Template, nested as unknown as Record<string, Template>);
        for (const [name, { Properties }] of Object.entries(template.Resources)) {
          expect(resolve(joined, joined.Resources[name]?.Properties), name).toEqual(
            resolve(template as unknown as Template, Properties),
          );
        }
      }),
      { numRuns: 200 },
    );
  });

  it("waits for what its resources waited for", () => {
    const template: WholeTemplate = {
      Resources: {
        Log: { Type: "AWS::Logs::LogGroup" },
        Role: { Type: "AWS::IAM::Role" },
        Function: { Type: "AWS::Lambda::Function", DependsOn: ["Log", "Role"] },
      },
    };
    const { root, nested } = divideTemplate(template, { Role: "Sources1", Function: "Sources1" }, urlOf);
    expect(root.Resources["Sources1"]).toMatchObject({ Type: "AWS::CloudFormation::Stack", DependsOn: ["Log"] });
    expect(nested["Sources1"]?.Resources["Function"]).toMatchObject({ DependsOn: ["Role"] });
  });

  it("takes a function's versions and aliases with it, and leaves outputs of it behind", () => {
    const template: WholeTemplate = {
      Resources: {
        Function: { Type: "AWS::Lambda::Function" },
        Version: { Type: "AWS::Lambda::Version", Properties: { FunctionName: { Ref: "Function" } } },
        Alias: { Type: "AWS::Lambda::Alias", Properties: { FunctionVersion: { "Fn::GetAtt": ["Version", "Version"] } } },
      },
      Outputs: { Qualified: { Value: { Ref: "Version" } }, Region: { Value: { Ref: "AWS::Region" } } },
    };
    const { root, nested } = divideTemplate(template, { Function: "Sources1" }, urlOf);
    expect(Object.keys(nested["Sources1"]?.Resources ?? {})).toEqual(["Function", "Version", "Alias"]);
    expect(Object.keys(root.Outputs ?? {})).toEqual(["Region"]);
  });

  it("gives a reference a parameter of its own where another's name, or a resource's, is the same", () => {
    const template: WholeTemplate = {
      Resources: {
        Queue: { Type: "AWS::SQS::Queue" },
        QueueArn: { Type: "AWS::SQS::Queue" },
        QueueArn2: { Type: "AWS::SQS::Queue", Properties: { Of: [{ "Fn::GetAtt": ["Queue", "Arn"] }, { Ref: "QueueArn" }] } },
      },
    };
    const { root, nested } = divideTemplate(template, { QueueArn2: "Sources1" }, urlOf);
    expect(Object.keys(nested["Sources1"]?.["Parameters"] ?? {}).sort()).toEqual(["QueueArn", "QueueArn22"]);
    const joined = joinTemplates(root as unknown as Template, nested as unknown as Record<string, Template>);
    expect(joined.Resources["QueueArn2"]).toEqual(template.Resources["QueueArn2"]);
  });

  it("is refused where the root refers to what belongs to a source", () => {
    const template: WholeTemplate = {
      Resources: {
        Role: { Type: "AWS::IAM::Role" },
        Alarm: { Type: "AWS::CloudWatch::Alarm", Properties: { Of: { Ref: "Role" } } },
      },
    };
    expect(() => divideTemplate(template, { Role: "Sources1" }, urlOf)).toThrow(
      "Alarm refers to Role, which is in the nested stack",
    );
  });
});

/** Names that a policy takes. */
const sourceName = fc.stringMatching(/^[a-z][a-z0-9]{0,8}(?:-[a-z0-9]{1,6}){0,3}$/);

describe("the stack of a source", () => {
  it("is the same whichever sources come, go and change: a function's name cannot be in two stacks at once", () => {
    const sets = fc.record({
      stay: fc.uniqueArray(sourceName, { minLength: 1, maxLength: 6 }),
      go: fc.uniqueArray(sourceName, { maxLength: 6 }),
      come: fc.uniqueArray(sourceName, { maxLength: 6 }),
      reversed: fc.boolean(),
    });
    fc.assert(
      fc.property(sets, ({ stay, go, come, reversed }) => {
        const others = (names: readonly string[]) =>
          names.filter((name) => !stay.includes(name) && !/^db-?1$|^taskmaster$/.test(name));
        const kept = stay.filter((name) => !/^db-?1$|^taskmaster$/.test(name));
        const before = sourceStacks(deploy(withSources([...kept, ...others(go)])));
        const names = [...others(come), ...kept];
        const after = sourceStacks(deploy(withSources(reversed ? names.reverse() : names)));
        const placed = Object.keys(before).filter((name) => Object.hasOwn(after, name));
        expect(placed.length).toBeGreaterThanOrEqual(7 * kept.length);
        for (const name of placed) expect(after[name], name).toBe(before[name]);
      }),
      { numRuns: 12 },
    );
  });

  it("never changes with a new version of this program: a source that moved would stop the upgrade of every stack", () => {
    const placed = {
      a: "Sources3",
      billing: "Sources5",
      "customer-199": "Sources2",
      "db-1": "Sources5",
      db1: "Sources1",
      "shop-eu": "Sources6",
      taskmaster: "Sources2",
    };
    for (const [name, stack] of Object.entries(placed)) expect(stackOfSource(name), name).toBe(stack);
  });

  it("is chosen evenly: of 200 sources, no stack has more than twice its share", () => {
    const counts = Map.groupBy(
      Array.from({ length: 200 }, (_, index) => `customer-${index}`),
      stackOfSource,
    );
    expect(counts.size).toBe(8);
    for (const [stack, { length }] of counts) expect(length, stack).toBeLessThan(50);
  });
});
