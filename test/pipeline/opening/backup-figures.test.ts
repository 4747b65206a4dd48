/**
 * Facts are parsed once, when a backup is opened: an engine never sees what it could not have
 * written.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { builtInEngines } from "../../../src/engines/engine-registry.ts";
import { figuresOf } from "../../../src/pipeline/opening/backup-figures.ts";
import { type Manifest, readManifest } from "../../../src/vault/documents/manifest.ts";
import { createFilesProject, type FilesProject } from "../../support/files-project.ts";

let project: FilesProject;
let manifest: Manifest;
beforeAll(async () => {
  project = await createFilesProject();
  const id = await project.back();
  const found = await project.find(`tree/${id}`);
  ({ manifest } = await readManifest(found.vault.store, "tree", id));
});
afterAll(() => project[Symbol.asyncDispose]());

describe("the facts of a manifest", () => {
  it("are those that the engine wrote, and what it does not know is left out", async () => {
    const engine = await builtInEngines.load("files");
    const { facts } = figuresOf({ ...manifest, facts: { ...manifest.facts, invented: 1 } }, engine);
    expect(facts).toEqual(manifest.facts);
    expect(facts).toMatchObject({ files: 1, bytes: 7 });
  });

  it("that are missing or something else are damage, whichever they are", async () => {
    const engine = await builtInEngines.load("files");
    const others: readonly unknown[] = [undefined, {}, [{}], "x".repeat(10), Number.NaN, -1];
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(manifest.facts)), fc.constantFrom(...others), (name, other) => {
        // What takes a text takes any.
        if (typeof manifest.facts[name] === "string" && typeof other === "string") return;
        const changed = { ...manifest, facts: { ...manifest.facts, [name]: other } };
        if (name === "uid" && other === -1) return;
        expect(() => figuresOf(changed, engine)).toThrowError(
          expect.objectContaining({ name: "ContentInvalid", message: expect.stringContaining(`facts.${name}`) }),
        );
      }),
    );
  });

  it("of another engine are damage", async () => {
    const engine = await builtInEngines.load("postgres");
    expect(() => figuresOf(manifest, engine)).toThrowError(expect.objectContaining({ name: "ContentInvalid" }));
  });
});
