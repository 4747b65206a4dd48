/**
 * A tree with every kind of file that hurts, and an exact description of trees that owes nothing to
 * the engine.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import net from "node:net";

export const isRoot = process.geteuid?.() === 0;

/** `name` is bytes, one a character. */
export function at(root: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(root), Buffer.from(`/${name}`, "latin1")]);
}

export function utf8(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** Bytes that no compression and no wrong offset leaves equal, the same for the same size. */
export function noise(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0, state = size + 1; i < size; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

const invalid = "\xff\xfe\x80name";
const names = [
  "plain.txt",
  "with space",
  "-rf",
  "quo\"te's",
  "back\\slash",
  "new\nline",
  "tab\tand\x01control",
  utf8("emoji-🦊"),
  utf8("é-composed"),
  "\xef\xbb\xbfbyte-order-mark",
  invalid,
  "n".repeat(255),
  `${"\xf0".repeat(200)}-long-and-invalid`,
  "100=equals",
  "holdfast.json",
];
const sizes = [0, 1, 511, 512, 513, 4_095, 131_072, 131_073, 262_144, 3_000_001];

/**
 * Fills `root`, an empty directory. What only root may make (owners, devices) is there when this is
 * root. Gives the function that ends it.
 */
export async function makeZoo(root: string): Promise<void> {
  fs.mkdirSync(at(root, "names"));
  for (const name of names) fs.writeFileSync(at(root, `names/${name}`), `content of ${name}`);
  fs.mkdirSync(at(root, `names/${invalid}-directory`));
  fs.writeFileSync(at(root, `names/${invalid}-directory/${invalid}`), "beneath");
  const deep = `deep/${Array.from({ length: 12 }, (_, level) => `level-${level}-${"x".repeat(40)}`).join("/")}`;
  fs.mkdirSync(at(root, deep), { recursive: true });
  fs.writeFileSync(at(root, `${deep}/${invalid}`), "deep down");
  fs.mkdirSync(at(root, "sizes"));
  for (const size of sizes) fs.writeFileSync(at(root, `sizes/${size}`), noise(size));
  // The order of names and of joined paths differ here.
  fs.mkdirSync(at(root, "order"));
  fs.mkdirSync(at(root, "order/a"));
  for (const name of ["a/inside", "a.txt", "a-b", "B", "a0"]) fs.writeFileSync(at(root, `order/${name}`), name);
  fs.mkdirSync(at(root, "empty"));
  makeLinks(root);
  makeSparse(root);
  makeModes(root);
  await makeSpecial(root);
  makeTimes(root);
}

function makeLinks(root: string): void {
  fs.mkdirSync(at(root, "links"));
  for (const [name, target] of [
    ["relative", "../names/plain.txt"],
    ["dangling", "no/such/thing"],
    ["absolute", "/etc/hostname"],
    ["directory", "../empty"],
    ["upwards", "../../.."],
    ["long", `../${"long-target/".repeat(30)}end`],
    ["invalid", invalid],
  ] as const) {
    fs.symlinkSync(Buffer.from(target, "latin1"), at(root, `links/${name}`));
  }
  fs.mkdirSync(at(root, "hard"));
  fs.mkdirSync(at(root, "hard/below"));
  fs.writeFileSync(at(root, "hard/one"), noise(700));
  fs.linkSync(at(root, "hard/one"), at(root, "hard/two"));
  fs.linkSync(at(root, "hard/one"), at(root, "hard/below/three"));
  fs.writeFileSync(at(root, "hard/large"), noise(200_000));
  fs.linkSync(at(root, "hard/large"), at(root, `names/${"h".repeat(150)}`));
}

function makeSparse(root: string): void {
  fs.mkdirSync(at(root, "sparse"));
  for (const [name, size, offset] of [
    ["middle", 8_388_608, 5_000_001],
    ["end", 4_194_304, 4_194_303],
    ["small", 65_536, 40_000],
    ["nothing", 1_048_576, undefined],
  ] as const) {
    const fd = fs.openSync(at(root, `sparse/${name}`), "w");
    if (offset !== undefined) fs.writeSync(fd, Buffer.from("!"), 0, 1, offset);
    fs.ftruncateSync(fd, size);
    fs.closeSync(fd);
  }
}

function makeModes(root: string): void {
  fs.mkdirSync(at(root, "modes"));
  for (const mode of [0o644, 0o600, 0o777, 0o4755, 0o2755, 0o444]) {
    fs.writeFileSync(at(root, `modes/file-${mode.toString(8)}`), "mode");
    fs.chmodSync(at(root, `modes/file-${mode.toString(8)}`), mode);
  }
  for (const mode of [0o755, 0o700, 0o1777, 0o2775, 0o555]) {
    fs.mkdirSync(at(root, `modes/directory-${mode.toString(8)}`));
    fs.writeFileSync(at(root, `modes/directory-${mode.toString(8)}/within`), "within");
    fs.chmodSync(at(root, `modes/directory-${mode.toString(8)}`), mode);
  }
  if (!isRoot) return;
  for (const [name, uid, gid] of [
    ["owned", 12_345, 54_321],
    ["large-numbers", 3_000_000, 4_000_000_000],
  ] as const) {
    fs.writeFileSync(at(root, `modes/${name}`), name);
    fs.symlinkSync("owned", at(root, `modes/link-${name}`));
    fs.chownSync(at(root, `modes/${name}`), uid, gid);
    fs.lchownSync(at(root, `modes/link-${name}`), uid, gid);
  }
  fs.chmodSync(at(root, "modes/owned"), 0o6711);
  fs.writeFileSync(at(root, "modes/file-0"), "for nobody");
  fs.chmodSync(at(root, "modes/file-0"), 0);
  fs.mkdirSync(at(root, "modes/directory-0"));
  fs.writeFileSync(at(root, "modes/directory-0/within"), "within");
  fs.linkSync(at(root, "modes/directory-0/within"), at(root, "modes/linked-from-directory-0"));
  fs.chmodSync(at(root, "modes/directory-0"), 0);
}

/** What a backup leaves out, by name. */
export const specialNames = isRoot ? ["special/device", "special/pipe", "special/socket"] : ["special/pipe", "special/socket"];

async function makeSpecial(root: string): Promise<void> {
  fs.mkdirSync(at(root, "special"));
  execFileSync("mkfifo", [at(root, "special/pipe").toString()]);
  if (isRoot) execFileSync("mknod", [at(root, "special/device").toString(), "c", "1", "3"]);
  const server = net.createServer();
  // The name of the socket goes when the server closes, unless another name keeps it.
  const path = `${root}/special/listening`;
  await new Promise<void>((resolve) => server.listen(path, resolve));
  fs.linkSync(path, `${root}/special/socket`);
  await new Promise((resolve) => server.close(resolve));
}

function makeTimes(root: string): void {
  fs.mkdirSync(at(root, "times"));
  for (const [name, time] of [
    ["nanoseconds", "1700000000.123456789"],
    ["before-1970", "-1.5"],
    ["whole", "1000000000"],
    ["epoch", "0"],
    ["far", "9000000000.000000001"],
  ] as const) {
    fs.writeFileSync(at(root, `times/${name}`), name);
    execFileSync("touch", ["-d", `@${time}`, `${root}/times/${name}`]);
  }
  execFileSync("touch", ["-h", "-d", "@1234567890.987654321", `${root}/links/relative`]);
  execFileSync("touch", ["-d", "@1111111111.111111111", `${root}/empty`]);
  execFileSync("touch", ["-d", "@1222222222.222222222", root]);
}

/** Removes a tree, also when it has directories that their owner may not write to. */
export function removeTree(path: string): void {
  if (!isRoot) execFileSync("chmod", ["-R", "u+rwX", path]);
  fs.rmSync(path, { recursive: true, force: true });
}

export interface TreeFacts {
  readonly type: string;
  readonly mode: string;
  readonly owner: string;
  readonly mtimeNs: bigint;
  readonly size: bigint;
  readonly content: string;
  /** The first name of the same inode. */
  readonly firstName: string;
}

/** Everything there is in a tree, by name as bytes; sockets, pipes and devices left out. */
export function describeTree(root: string): Map<string, TreeFacts> {
  const facts = new Map<string, TreeFacts>();
  const inodes = new Map<bigint, string>();
  const visit = (name: string): void => {
    const path = name === "" ? Buffer.from(root) : at(root, name);
    const stats = fs.lstatSync(path, { bigint: true });
    const type = stats.isFile() ? "file" : stats.isDirectory() ? "directory" : stats.isSymbolicLink() ? "symlink" : undefined;
    if (type === undefined) return;
    if (!stats.isDirectory() && !inodes.has(stats.ino)) inodes.set(stats.ino, name);
    facts.set(name, {
      type,
      mode: type === "symlink" ? "" : stats.mode.toString(8),
      owner: `${stats.uid}:${stats.gid}`,
      mtimeNs: stats.mtimeNs,
      size: type === "file" ? stats.size : 0n,
      content: contentOf(path, type),
      firstName: inodes.get(stats.ino) ?? name,
    });
    if (type !== "directory") return;
    for (const child of fs.readdirSync(path, { encoding: "latin1" }).sort()) visit(name === "" ? child : `${name}/${child}`);
  };
  visit("");
  return facts;
}

function contentOf(path: Buffer, type: string): string {
  if (type === "symlink") return fs.readlinkSync(path, { encoding: "latin1" });
  return type === "file" ? createHash("sha256").update(fs.readFileSync(path)).digest("hex") : "";
}

/**
 * Every difference between two trees, with times that agree to within so many nanoseconds taken as
 * equal.
 */
export function differencesOf(expected: Map<string, TreeFacts>, found: Map<string, TreeFacts>, toleranceNs: bigint): string[] {
  const differences: string[] = [];
  for (const name of new Set([...expected.keys(), ...found.keys()])) {
    const [a, b] = [expected.get(name), found.get(name)];
    const drift = (a?.mtimeNs ?? 0n) - (b?.mtimeNs ?? 0n);
    if (drift > toleranceNs || drift < -toleranceNs) differences.push(`${name}: ${a?.mtimeNs} became ${b?.mtimeNs}`);
    const rest = [a, b].map((facts) => JSON.stringify({ ...facts, mtimeNs: undefined, size: String(facts?.size) }));
    if (rest[0] !== rest[1]) differences.push(`${name}: ${rest[0]} became ${rest[1]}`);
  }
  return differences;
}
