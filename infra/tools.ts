/**
 * PostgreSQL's programs for the functions: a layer that `npm run layer` built, read before anything
 * is packaged with it. Containers have an image of their own (fargate.ts), which a deployment
 * without them lacks.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { maxLambdaBytes } from "../src/policy/lambda-limits.ts";
import type { Policy } from "../src/policy/policy.ts";
import { type LayerManifest, readLayerManifest } from "./layer-manifest.ts";
import { refuse } from "./refusals.ts";

export type Architecture = LayerManifest["architecture"];

export interface ToolsLayer {
  /** The zip. */
  readonly file: string;
  readonly manifest: LayerManifest;
}

/** Those that the PostgreSQL engine supports; a test compares them. */
export const layerMajors: readonly number[] = [14, 15, 16, 17, 18];

/**
 * Of the layer (scripts/layer/locale-data.ts): where glibc looks for languages beside the system's.
 */
export const layerLocales = "/opt/share/locale";

const build = (architecture: Architecture): string =>
  `Build them with \`npm run layer${architecture === "arm64" ? "" : ` -- --arch ${architecture}`}\` (one or two minutes, on Debian or Ubuntu), or give --param=layer=FILE@sha256:DIGEST of a layer that was built elsewhere (docs/deploy.md, "The layer").`;

/** Errors: UsageInvalid. */
export function readArchitecture(text: string): Architecture {
  if (text === "arm64" || text === "x86_64") return text;
  throw refuse(`the parameter architecture is "${text}"`, "Give --param=architecture=arm64 or --param=architecture=x86_64.");
}

/** What `npm run layer` writes, and a deployment takes where no other is named. */
export const layerFileName = (architecture: Architecture): string => `holdfast-tools-${architecture}.zip`;

/**
 * The layer of the functions. `layer`: a file; `none`: they run in the image; empty: the file that
 * `npm run layer` wrote into this directory, else they run in the image. The stage `local` needs
 * neither: it has the machine's own programs.
 * Errors: UsageInvalid, also when there is neither.
 */
export function chooseLayer(
  { layer, image, local }: { readonly layer: string; readonly image: string; readonly local: boolean },
  architecture: Architecture,
): ToolsLayer | undefined {
  const written = layerFileName(architecture);
  const name = layer === "" && !local && existsSync(resolve(written)) ? written : layer;
  if (name !== "" && name !== "none") return readLayer(name, architecture);
  if (local || image !== "") return undefined;
  throw refuse(
    layer === "none"
      ? "the functions have neither a layer nor an image of PostgreSQL's programs"
      : `PostgreSQL's programs are missing: this directory has no ${written}`,
    build(architecture),
  );
}

/**
 * The layer that `parameter` names, `FILE` or `FILE@sha256:DIGEST`; without a digest, the one in
 * `FILE.sha256` counts. Errors: UsageInvalid.
 */
export function readLayer(parameter: string, architecture: Architecture): ToolsLayer {
  const [, name = "", digest] = /^(.*?)(?:@sha256:([0-9a-f]{64}))?$/.exec(parameter) ?? [];
  const file = resolve(name);
  const zip = readOrUndefined(file);
  if (zip === undefined) throw refuse(`the tools' layer ${name} is missing`, build(architecture));
  const expected = digest ?? readOrUndefined(`${file}.sha256`)?.toString("utf8").slice(0, 64);
  if (expected === undefined) throw refuse(`the digest of the tools' layer ${name} is missing`, build(architecture));
  if (createHash("sha256").update(zip).digest("hex") !== expected)
    throw refuse(`the tools' layer ${name} is not the one of digest ${expected}`, build(architecture));
  const manifest = readLayerManifest(zip);
  if (manifest === undefined) throw refuse(`${name} is not a layer of Holdfast's tools`, build(architecture));
  if (manifest.architecture !== architecture)
    throw refuse(
      `the tools' layer ${name} is for ${manifest.architecture}, and the functions are ${architecture}`,
      build(architecture),
    );
  const lacking = layerMajors.filter((major) => !manifest.majors.includes(major));
  if (lacking.length > 0) throw refuse(`the tools' layer ${name} lacks PostgreSQL ${lacking.join(", ")}`, build(architecture));
  return { file, manifest };
}

function readOrUndefined(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/**
 * Errors: UsageInvalid, naming each source that is larger than a Lambda can dump where there are no
 * containers.
 */
export function refuseTooLarge({ sources }: Policy): void {
  const large = Object.values(sources).filter(({ sizeBytes = 0 }) => sizeBytes > maxLambdaBytes);
  if (large.length === 0) return;
  const names = large.map(({ name }) => name).join(", ");
  throw refuse(
    `${names}: more than a Lambda can dump (${maxLambdaBytes / 1024 ** 3} GiB), and the stack has no containers`,
    'Add containers, which run in Fargate what is too large for a Lambda: build their image, and deploy with --param=image=REPOSITORY@sha256:DIGEST (docs/deploy.md, "Containers for large databases").',
  );
}

/**
 * Whether what is too large for a Lambda has somewhere to go. The stage `local` shows them, and
 * runs none.
 */
export const hasContainers = ({ local, image }: { readonly local: boolean; readonly image: string }): boolean =>
  local || image !== "";

/**
 * Errors: UsageInvalid, naming the extensions that a source needs and the layer has for no major;
 * their restore tests would end unproven for ever.
 */
export function refuseLackingExtensions({ sources }: Policy, { manifest }: ToolsLayer): void {
  const has = new Set(Object.values(manifest.extensions).flat());
  const lacking = Object.values(sources).flatMap(({ name, restoreTest: { extensions = [] } }) =>
    extensions.filter((each) => !has.has(each)).map((each) => `${each} (source ${name})`),
  );
  if (lacking.length === 0) return;
  throw refuse(
    `the layer lacks extensions that the policy names: ${lacking.join(", ")}`,
    "Build it again with the policy that you deploy: `npm run layer -- --policy FILE` adds what `restoreTest.extensions` names.",
  );
}

/**
 * Errors: UsageInvalid, naming the sources whose certificates are to be checked with a file of the
 * layer that it lacks.
 */
export function refuseLackingAuthorities({ sources }: Policy, { manifest }: ToolsLayer): void {
  const lacking = Object.values(sources).flatMap(({ name, secrets }) =>
    secrets.flatMap((connection) => {
      const file = connection.from === "rds" ? /^\/opt\/([^/]+)$/.exec(connection.sslrootcert)?.[1] : undefined;
      return file === undefined || manifest.files.includes(file) ? [] : [`${file} (source ${name})`];
    }),
  );
  if (lacking.length === 0) return;
  throw refuse(
    `the layer lacks the authorities that servers are checked with: ${lacking.join(", ")}`,
    "Fetch them (curl -O https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem), and build the layer again with `npm run layer -- --add global-bundle.pem`.",
  );
}

/** A sentence for each extension that the layer has for some majors and lacks for others. */
export function warnOfMajors({ sources }: Policy, { manifest }: ToolsLayer): string[] {
  return Object.values(sources).flatMap(({ name, restoreTest: { extensions = [] } }) =>
    extensions.flatMap((each) => {
      const having = manifest.majors.filter((major) => manifest.extensions[major]?.includes(each) === true);
      return having.length === 0 || having.length === manifest.majors.length
        ? []
        : [
            `${name}: the layer has the extension ${each} for PostgreSQL ${having.join(", ")} alone. Restore tests of another major end unproven; docs/deploy.md, "Extensions", says where the others come from.`,
          ];
    }),
  );
}
