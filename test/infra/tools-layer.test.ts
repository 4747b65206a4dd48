/**
 * The layer is read before anything is packaged with it: what does not fit is refused, with what to
 * do.
 */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { alarmResources } from "../../infra/alarms.ts";
import { alertResources } from "../../infra/alerts.ts";
import { dashboardResources } from "../../infra/dashboard.ts";
import { fargateResources } from "../../infra/fargate.ts";
import { functionLogs, functionRoles } from "../../infra/function-roles.ts";
import { failureDestinations, serverlessFunctions } from "../../infra/functions.ts";
import { readLayerManifest } from "../../infra/layer-manifest.ts";
import { machineNames } from "../../infra/machine-names.ts";
import { machineLogs, machineRoles, serverlessMachine } from "../../infra/machines.ts";
import { stackOutputs } from "../../infra/outputs.ts";
import { peoplePolicies } from "../../infra/people.ts";
import { policyResources } from "../../infra/policy-secret.ts";
import { scheduleResources } from "../../infra/schedules.ts";
import { chooseLayer, layerFileName, layerMajors, readLayer } from "../../infra/tools.ts";
import { vaultResources } from "../../infra/vault.ts";
import { zipTree } from "../../scripts/layer/zip-writer.ts";
import { supportedMajors } from "../../src/engines/postgres/tools.ts";
import { deploy, samplePolicyText } from "./deployments.ts";
import { writeSampleLayer } from "./sample-layer.ts";

const directory = mkdtempSync(join(tmpdir(), "hf-layers-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const fresh = (): string => mkdtempSync(join(directory, "layer-"));
const refused = (message: RegExp) => expect.objectContaining({ name: "UsageInvalid", message: expect.stringMatching(message) });

describe("the tools' layer", () => {
  it("has the majors that the engine supports", () => {
    expect([layerMajors[0], layerMajors.at(-1)]).toEqual([supportedMajors.oldest, supportedMajors.newest]);
  });

  it("is taken by the digest beside it, or by one that is given", () => {
    const file = writeSampleLayer(fresh());
    expect(readLayer(file, "arm64").manifest).toMatchObject({ format: 1, architecture: "arm64" });
    expect(() => readLayer(`${file}@sha256:${"0".repeat(64)}`, "arm64")).toThrow(refused(/is not the one of digest 0000/));
  });

  it("is by default the one that `npm run layer` wrote into the directory, whether there is an image or not", () => {
    const [before, here] = [process.cwd(), fresh()];
    const file = writeSampleLayer(here);
    renameSync(file, join(here, layerFileName("arm64")));
    renameSync(`${file}.sha256`, join(here, `${layerFileName("arm64")}.sha256`));
    process.chdir(here);
    try {
      for (const image of ["", "an image"]) {
        expect(chooseLayer({ layer: "", image, local: false }, "arm64")?.file).toBe(join(process.cwd(), layerFileName("arm64")));
        // The other processor's is another file.
        const other = () => chooseLayer({ layer: "", image, local: false }, "x86_64");
        if (image === "") expect(other).toThrow(refused(/this directory has no holdfast-tools-x86_64\.zip/));
        else expect(other()).toBeUndefined();
      }
      expect(chooseLayer({ layer: "none", image: "an image", local: false }, "arm64")).toBeUndefined();
      expect(chooseLayer({ layer: "", image: "", local: true }, "arm64")).toBeUndefined();
      writeFileSync(layerFileName("arm64"), "changed");
      expect(() => chooseLayer({ layer: "", image: "", local: false }, "arm64")).toThrow(refused(/is not the one of digest/));
    } finally {
      process.chdir(before);
    }
  });

  it("or an image has to be there, and the refusal names the command that builds it", () => {
    const hint = (layer: string, architecture: "arm64" | "x86_64"): string => {
      try {
        chooseLayer({ layer, image: "", local: false }, architecture);
      } catch (error) {
        return (error as { hint: string }).hint;
      }
      return "none";
    };
    expect(hint("none", "arm64")).toMatch(/^Build them with `npm run layer` \(/);
    expect(hint("none", "x86_64")).toMatch(/^Build them with `npm run layer -- --arch x86_64` \(/);
  });

  it("is refused when it is missing, has no digest, was changed, or is something else", () => {
    expect(() => readLayer("holdfast-tools-x86_64.zip", "x86_64")).toThrow(refused(/holdfast-tools-x86_64\.zip is missing/));
    const file = writeSampleLayer(fresh());
    writeFileSync(file, "changed");
    expect(() => readLayer(file, "arm64")).toThrow(refused(/is not the one of digest/));
    rmSync(`${file}.sha256`);
    expect(() => readLayer(file, "arm64")).toThrow(refused(/the digest .* is missing/));
    const other = "057ba03d6c44104863dc7361fe4578965d1887360f90a0895882e58a6248fc86"; // Of "changed".
    expect(() => readLayer(`${file}@sha256:${other}`, "arm64")).toThrow(refused(/is not (?:a layer|the one)/));
  });

  it("is refused for another processor, and without a major", () => {
    expect(() => readLayer(writeSampleLayer(fresh()), "x86_64")).toThrow(refused(/is for arm64, and the functions are x86_64/));
    const file = writeSampleLayer(fresh(), { majors: [15, 16, 17, 18] });
    expect(() => readLayer(file, "arm64")).toThrow(refused(/lacks PostgreSQL 14/));
  });

  it("never breaks the reader, whatever bytes it has", () => {
    const zip = (() => {
      const root = fresh();
      writeFileSync(join(root, "holdfast-tools.json"), '{"format": 1}');
      return zipTree(root);
    })();
    expect(readLayerManifest(zip)).toEqual({ format: 1 });
    fc.assert(
      fc.property(fc.nat(zip.length - 1), fc.nat(255), (at, byte) => {
        const changed = Buffer.from(zip);
        changed[at] = byte;
        expect([undefined, 1]).toContain(readLayerManifest(changed)?.format);
      }),
    );
  });
});

describe("a deployment without an image", () => {
  const without = deploy(samplePolicyText, { image: "", layer: writeSampleLayer(fresh()) });

  it("gives its functions the layer, and has no containers, nor rights to start them", () => {
    const functions = Object.entries(serverlessFunctions(without)) as [string, Record<string, unknown>][];
    const layered = functions.filter(([, { layers }]) => layers !== undefined).map(([name]) => name);
    expect(layered.toSorted()).toEqual(
      functions
        .map(([name]) => name)
        .filter((name) => /^(?:dump|prove|restore|safeguard)/.test(name))
        .toSorted(),
    );
    const kinds = Object.values(fargateResources(without)).map(({ Type }) => Type);
    expect(kinds.filter((kind) => kind.startsWith("AWS::ECS"))).toEqual([]);
    expect(kinds).not.toContain("AWS::EC2::InternetGateway");
    expect(JSON.stringify(machineRoles(without))).not.toMatch(/ecs:|iam:PassRole/);
  });

  it("refers to nothing that it does not make", () => {
    const made = {
      ...vaultResources(without),
      ...policyResources(without),
      ...functionRoles(without),
      ...functionLogs(without),
      ...peoplePolicies(without),
      ...failureDestinations(without),
      ...machineRoles(without),
      ...machineLogs(without),
    };
    const more = {
      ...fargateResources(without),
      ...scheduleResources(without),
      ...alertResources(without),
      ...alarmResources(without),
      ...dashboardResources(without),
    };
    const resources = { ...made, ...more };
    const machines = machineNames.map((name) => serverlessMachine(without, name));
    const text = JSON.stringify([resources, machines, serverlessFunctions(without), stackOutputs(without)]);
    const named = [
      ...text.matchAll(/"(?:Ref|Fn::GetAtt)":\[?"([A-Za-z0-9]+)"/g),
      ...text.matchAll(/\$\{([A-Za-z0-9]+)(?:\.Arn)?\}/g),
    ].map(([, name = ""]) => name);
    const ofOsls = /LambdaFunction$|Machine$|^ToolsLambdaLayer$|^ServerlessDeploymentBucket$/;
    expect(named.length).toBeGreaterThan(50);
    expect([...new Set(named)].filter((name) => !(name in resources) && !ofOsls.test(name))).toEqual([]);
  });

  it("is refused for a source that the policy says a Lambda cannot dump", () => {
    const text = samplePolicyText.replace("    tier: critical", "    size: 30GB\n    tier: critical");
    expect(text).not.toBe(samplePolicyText);
    expect(() => deploy(text, { image: "", layer: writeSampleLayer(fresh()) })).toThrow(
      expect.objectContaining({
        name: "UsageInvalid",
        message: "taskmaster: more than a Lambda can dump (20 GiB), and the stack has no containers",
        hint: expect.stringMatching(/^Add containers, which run in Fargate .* deploy with --param=image=REPOSITORY@sha256:DIGEST/),
      }),
    );
    expect(deploy(text).image).not.toBe("");
  });

  it("runs on either processor", () => {
    expect(() => deploy(samplePolicyText, { architecture: "sparc" })).toThrow(refused(/architecture is "sparc"/));
    const x86 = deploy(samplePolicyText, { architecture: "x86_64", layer: writeSampleLayer(fresh(), { architecture: "x86_64" }) });
    expect(JSON.stringify(fargateResources(x86))).toContain('"CpuArchitecture":"X86_64"');
  });
});
