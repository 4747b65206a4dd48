/**
 * `npm run layer`: PostgreSQL's programs of every major as a Lambda layer,
 * `holdfast-tools-<arch>.zip`, with its SHA-256 beside it (docs/deploy.md, "The layer"; ADR 0042
 * says why these packages).
 */
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { describeLayer, layerManifestName, maxUnpackedBytes } from "../../infra/layer-manifest.ts";
import { cacheDirectory } from "../cache-directory.ts";
import { DebianArchive, type DebianPackage } from "./debian-archive.ts";
import { addCoordinateSystems, addExtensions } from "./extensions.ts";
import { type LayerOptions, readLayerOptions } from "./layer-options.ts";
import { addLibraries, closureProblems, sharedLibraries } from "./libraries.ts";
import { addLocales, addZones, unpackedBytes } from "./locale-data.ts";
import { authorityPaths, coordinatesPath, movePath } from "./moved-paths.ts";
import { lambdaArchitectures } from "./processor.ts";
import { addPrograms, majors } from "./programs.ts";
import { writeRunPaths } from "./run-path.ts";
import { zipTree } from "./zip-writer.ts";

/** What PostgreSQL's programs are linked with; what these need comes along. */
const libraries = [
  ...["libssl3", "libgssapi-krb5-2", "libxml2", "libxslt1.1", "libossp-uuid16", "libreadline8"],
  ...["liblz4-1", "libzstd1", "zlib1g"],
];
const data = ["locales-all", "libc-bin", "tzdata"];
/** Bytes of the largest function beside the layer, generously. */
const roomForFunction = 10_000_000;

export interface BuiltLayer {
  readonly file: string;
  readonly sha256: string;
  readonly zippedBytes: number;
  readonly unpackedBytes: number;
}

/** Builds the layer and writes zip and digest into `options.out`. Errors: a plain Error. */
export function buildLayer(options: LayerOptions, note: (line: string) => void): BuiltLayer {
  const cache = join(cacheDirectory(), "layer");
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, ".build-"));
  try {
    const root = join(work, "opt");
    mkdirSync(root);
    note(`PostgreSQL ${majors.join(", ")} for ${lambdaArchitectures[options.processor]}`);
    addPrograms(options.processor, root, cache);
    const archive = new DebianArchive(options.processor, join(cache, `apt-${options.processor}`));
    const contents = fillRoot(root, archive, options, note);
    for (const file of options.add) copyFileSync(file, join(root, basename(file)));
    writeRunPaths(root, cache);
    refuseProblems(root, options);
    writeFileSync(join(root, layerManifestName), describeLayer(contents));
    return writeZip(root, options);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function fillRoot(root: string, archive: DebianArchive, options: LayerOptions, note: (line: string) => void) {
  const extensions = addExtensions(root, archive, options.extensions, note);
  const names = archive.closureOf([...libraries, ...extensions.libraries]).filter((name) => /^(?:lib|zlib)/.test(name));
  const fetched = archive.unpack([...new Set([...names, ...data, ...extensions.data])]);
  const roots = fetched.map((each) => each.root);
  note(`libraries of ${fetched.length} packages, as far as they are needed`);
  const used = addLibraries(root, roots);
  for (const path of authorityPaths) movePath(join(root, sharedLibraries, "libcrypto.so.3"), path);
  const ofData = fetched.filter(({ name }) => data.includes(name) || extensions.data.includes(name));
  const dataRoots = ofData.map((each) => each.root);
  const locales = addLocales(dataRoots, options.locales, root);
  const zones = addZones(dataRoots, root);
  if (addCoordinateSystems(dataRoots, root)) moveCoordinates(root);
  note(`${locales.length} locales, ${zones} time zones`);
  return {
    architecture: lambdaArchitectures[options.processor],
    majors,
    extensions: extensions.byMajor,
    locales,
    files: options.add.map((file) => basename(file)),
    packages: [...fetched.filter((each) => used.has(each.root) || ofData.includes(each)), ...extensions.packages].map(namePackage),
  };
}

/** The library's name has its version in it. */
function moveCoordinates(root: string): void {
  const directory = join(root, sharedLibraries);
  const names = readdirSync(directory).filter((name) => name.startsWith("libproj.so."));
  for (const name of names) movePath(join(directory, name), coordinatesPath);
}

const namePackage = ({ name, version, sha256 }: DebianPackage) => ({ name, version, sha256 });

function refuseProblems(root: string, options: LayerOptions): void {
  const problems = closureProblems(root, options.processor);
  if (problems.length > 0) throw new Error(`the layer would not load in Lambda:\n  ${problems.join("\n  ")}`);
  const tooLarge = describeTooLarge(unpackedBytes(root), options.locales);
  if (tooLarge !== undefined) throw new Error(tooLarge);
}

/** Why a layer of so many bytes does not fit into Lambda; undefined when it does. */
export function describeTooLarge(bytes: number, locales: LayerOptions["locales"]): string | undefined {
  if (bytes + roomForFunction <= maxUnpackedBytes) return undefined;
  const over = bytes + roomForFunction - maxUnpackedBytes;
  const hint =
    locales === "all" ? "Add --locales common, which needs some 90,000,000 less, or fewer extensions." : "Add fewer extensions.";
  return `the layer has ${bytes} bytes unpacked and a function beside it up to ${roomForFunction}; Lambda takes ${maxUnpackedBytes} of both: ${over} too many. ${hint}`;
}

function writeZip(root: string, { processor, out }: LayerOptions): BuiltLayer {
  const zip = zipTree(root);
  const name = `holdfast-tools-${lambdaArchitectures[processor]}.zip`;
  const file = join(resolve(out), name);
  const sha256 = createHash("sha256").update(zip).digest("hex");
  mkdirSync(resolve(out), { recursive: true });
  writeFileSync(file, zip);
  writeFileSync(`${file}.sha256`, `${sha256}  ${name}\n`);
  return { file, sha256, zippedBytes: zip.length, unpackedBytes: unpackedBytes(root) };
}

if (import.meta.main) {
  try {
    const built = buildLayer(readLayerOptions(process.argv.slice(2)), (line) => console.error(line));
    console.error(`${built.zippedBytes} bytes, ${built.unpackedBytes} unpacked (Lambda takes ${maxUnpackedBytes} with a function)`);
    console.log(`${built.file}@sha256:${built.sha256}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
