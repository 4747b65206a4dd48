/**
 * Languages and time zones: data that Lambda's Amazon Linux lacks, and a source's databases ask
 * for.
 */
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import type { LayerOptions } from "./layer-options.ts";
import { filesBelow } from "./libraries.ts";

/**
 * Below the layer's root; infra/tools.ts gives them to the functions, programs.ts to the programs.
 */
const localeDirectory = "share/locale";
const zoneDirectory = "share/zoneinfo";

/**
 * Seldom asked for, each with an order of its own of 2.6 MB: with them there would be no room in a
 * layer.
 */
const seldom = /^(?:be_BY|br_FR|cy_GB|hsb_DE|kk_KZ|ku_TR|mi_NZ|mt_MT|om_KE|sq_AL|tg_TJ|tl_PH|uz_UZ|yi_US)\./;

/**
 * Orders that so many locales share are `common`: those of most languages of Europe and its
 * alphabets.
 */
const minSharing = 10;

/**
 * The locales whose encoding is UTF-8, as glibc reads them below LOCPATH. Files that are equal are
 * links to the first: 150 locales have 40 orders, of 2.6 MB each. Gives the names.
 */
export function addLocales(packages: readonly string[], choice: LayerOptions["locales"], root: string): string[] {
  const found = packages.flatMap((each) => {
    const directory = join(each, "usr/lib/locale");
    return existsSync(directory) ? readdirSync(directory).map((name) => ({ name, directory: join(directory, name) })) : [];
  });
  const utf8 = found
    .filter(({ name }) => /\.utf8$/i.test(name) && !seldom.test(name))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const chosen = choice === "all" ? utf8 : withCommonOrders(utf8);
  const seen = new Map<string, string>();
  for (const { name, directory } of chosen) {
    for (const file of namesBelow(directory)) putOnce(join(directory, file), join(root, localeDirectory, name, file), seen);
  }
  return chosen.map(({ name }) => name);
}

interface Locale {
  readonly name: string;
  readonly directory: string;
}

/** `C` in UTF-8 has an order of bytes, a small one, that no language shares. */
const ofBytes = /^C\./i;

function withCommonOrders(locales: readonly Locale[]): Locale[] {
  const orders = Map.groupBy(locales, ({ directory }) => digestOf(join(directory, "LC_COLLATE")));
  return [...orders.values()]
    .filter((sharing) => sharing.length >= minSharing || sharing.some(({ name }) => ofBytes.test(name)))
    .flat();
}

/** Debian's zone names, without the two trees that repeat them (`posix`, `right`). */
export function addZones(packages: readonly string[], root: string): number {
  const seen = new Map<string, string>();
  const trees = packages.map((each) => join(each, "usr/share/zoneinfo")).filter((directory) => existsSync(directory));
  const zones = trees.flatMap((tree) =>
    namesBelow(tree)
      .filter(
        (name) => !/^(?:posix|right)\//.test(name) && !/\.(?:tab|zi|list)$|^leap|^localtime$|^posixrules$|version$/.test(name),
      )
      .map((name) => ({ name, from: join(tree, name) })),
  );
  for (const { name, from } of zones) putOnce(from, join(root, zoneDirectory, name), seen);
  return zones.length;
}

/** Files and what links to files, by their names below `directory`, in order. */
function namesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(directory, name), { throwIfNoEntry: false })?.isFile() === true)
    .toSorted();
}

const digestOf = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");

function putOnce(from: string, to: string, seen: Map<string, string>): void {
  const source = realpathSync(from);
  const digest = digestOf(source);
  const first = seen.get(digest);
  mkdirSync(dirname(to), { recursive: true });
  if (first === undefined) {
    copyFileSync(source, to);
    seen.set(digest, to);
  } else {
    symlinkSync(relative(dirname(to), first), to);
  }
}

/** Bytes of all files below a root, a link counting nothing: what Lambda counts as unpacked. */
export function unpackedBytes(root: string): number {
  return filesBelow(root).reduce((sum, file) => sum + lstatSync(file).size, 0);
}
