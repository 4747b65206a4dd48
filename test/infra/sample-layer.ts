/** A layer for packaging: the manifest of a real one, without its programs. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeLayer, type LayerManifest, layerManifestName } from "../../infra/layer-manifest.ts";
import { zipTree } from "../../scripts/layer/zip-writer.ts";

const contents: Omit<LayerManifest, "format"> = {
  architecture: "arm64",
  majors: [14, 15, 16, 17, 18],
  extensions: {},
  locales: ["C.utf8"],
  files: [],
  packages: [],
};

/** Writes it below `directory` with its digest beside it, and gives the zip's name. */
export function writeSampleLayer(directory: string, given: Partial<LayerManifest> = {}): string {
  const root = join(directory, "sample-layer");
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, layerManifestName), describeLayer({ ...contents, ...given }));
  const zip = zipTree(root);
  const file = join(directory, "tools.zip");
  writeFileSync(file, zip);
  writeFileSync(`${file}.sha256`, `${createHash("sha256").update(zip).digest("hex")}  tools.zip\n`);
  return file;
}
