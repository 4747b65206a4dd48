import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createKeyFile, keyIdOf, readKeyFile, writingError } from "../../src/sealing/key-file.ts";
import { failureOf, type KeyPlace, makeKeyPlace, now } from "./sealing-fixture.ts";

let place: KeyPlace;
beforeAll(async () => {
  place = await makeKeyPlace();
});
afterAll(() => place.remove());

const bytes = new Uint8Array(32).map((_, index) => index);
const repeatable = { randomBytes: (count: number) => bytes.slice(0, count), now };

describe("a key file", () => {
  it("is text that explains itself, for its owner only, in directories for its owner only", async () => {
    const path = join(place.directory, "deep/er/main.key");
    const { keyId } = await createKeyFile(path, repeatable);
    expect(keyId).toBe("file:dd23a04b3c30a370");
    expect(await readFile(path, "utf8")).toBe(
      [
        "# A sealing key of Holdfast. Backups that it sealed can be read with this key only, by anyone who holds it.",
        "# Keep a copy apart from the vault and from this machine; on paper will do: the line below ends with a checksum.",
        "# key id:  file:dd23a04b3c30a370",
        "# created: 2026-11-20T02:00:00.000Z",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= 285a1941",
        "",
      ].join("\n"),
    );
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(place.directory, "deep"))).mode & 0o777).toBe(0o700);
    expect(await readKeyFile(path)).toEqual({ keyId, key: bytes });
  });

  it("is never overwritten", async () => {
    const path = join(place.directory, "twice.key");
    const { keyId } = await createKeyFile(path, { randomBytes, now });
    const failure = await failureOf(createKeyFile(path, { randomBytes, now }));
    expect(failure).toMatchObject({ name: "ObjectExists", message: `the key file ${path} exists already` });
    expect((await readKeyFile(path)).keyId).toBe(keyId);
  });

  it("says where it cannot be written, and what to do", async () => {
    const path = join(place.directory, "a-file");
    await writeFile(path, "");
    const error = await createKeyFile(join(path, "main.key"), { randomBytes, now }).catch((failure: unknown) => failure);
    expect(error).toMatchObject({
      name: "UsageInvalid",
      message: `the key file ${join(path, "main.key")} cannot be written (ENOTDIR)`,
      hint: expect.stringContaining("directory that this user may write to"),
      cause: { code: "ENOTDIR" },
    });
    const occupied = await createKeyFile(place.directory, { randomBytes, now }).catch((failure: unknown) => failure);
    expect(occupied).toMatchObject({
      name: "ObjectExists",
      hint: expect.stringContaining("never overwritten"),
      cause: { code: "EEXIST" },
    });
  });

  it.each([
    ["ENOSPC", "DiskFull", "no room to write the key file /keys/main.key"],
    ["EDQUOT", "DiskFull", "no room to write the key file /keys/main.key"],
    ["EROFS", "UsageInvalid", "the key file /keys/main.key cannot be written (EROFS)"],
  ])("that cannot be written because of %s is %s", (code, name, message) => {
    const cause = Object.assign(new Error(code), { code });
    expect(writingError("/keys/main.key", cause)).toMatchObject({ name, message, cause });
  });

  it("leaves no file open, written, read or refused", async () => {
    const open = async () => {
      const links = (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""));
      return (await Promise.all(links)).filter((target) => target.startsWith(place.directory));
    };
    const { path } = await place.makeKey("closed.key");
    await readKeyFile(path);
    await chmod(path, 0o644);
    await failureOf(readKeyFile(path));
    expect(await open()).toEqual([]);
  });

  it("is read up to 64 KiB, with whatever comments", async () => {
    const line = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= 285a1941\n";
    const path = join(place.directory, "long.key");
    await writeFile(path, `#${"x".repeat(65_536 - 2 - line.length)}\n${line}`, { mode: 0o600 });
    expect((await readKeyFile(path)).key).toEqual(bytes);
    await writeFile(path, `#${"x".repeat(65_536 - 1 - line.length)}\n${line}`);
    expect((await failureOf(readKeyFile(path))).message).toBe(`the key file ${path} is not a key file`);
  });

  it("is read as a copy typed from paper may look, and through a link", async () => {
    const path = join(place.directory, "typed.key");
    await writeFile(path, "\r\n  AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=   285A1941 \r\n\r\n", { mode: 0o600 });
    await symlink(path, join(place.directory, "link.key"));
    expect((await readKeyFile(join(place.directory, "link.key"))).key).toEqual(bytes);
  });

  const line = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= 285a1941";
  it.each([
    ["one letter is wrong", line.replace("AwQF", "AwQG"), "does not match its checksum"],
    ["the checksum is wrong", line.replace("285a", "0000"), "does not match its checksum"],
    ["the checksum is missing", line.split(" ")[0], "no line with a key and its checksum"],
    ["there are two keys", `${line}\n${line}`, "no line with a key and its checksum"],
    ["there are further words", `${line} more`, "no line with a key and its checksum"],
    ["there are comments only", "# nothing\n", "no line with a key and its checksum"],
    ["the key and its checksum are on two lines", line.replace(" ", "\n"), "no line with a key and its checksum"],
    ["its line is a comment", `# ${line}`, "no line with a key and its checksum"],
    ["it is empty", "", "no line with a key and its checksum"],
    ["a letter was lost", line.slice(1), "not base64"],
    ["it is no base64", `${"?".repeat(44)} 285a1941`, "not base64"],
    ["the key is short", `${Buffer.alloc(16).toString("base64")} 285a1941`, "16 bytes instead of 32"],
    ["it is another file altogether", "x".repeat(100_000), "is not a key file"],
  ])("is refused when %s", async (_, text, words) => {
    const path = join(place.directory, "bad.key");
    await writeFile(path, text ?? "", { mode: 0o600 });
    const failure = await failureOf(readKeyFile(path));
    expect(failure.name).toBe("KeyFileInvalid");
    expect(failure.message).toContain(words);
    expect(failure.message).toContain(path);
    expect(failure.message).not.toContain("AAECAw");
  });

  it.each([0o640, 0o604, 0o620, 0o601])("is refused when others may use it (mode %o)", async (mode) => {
    const { path } = await place.makeKey(`mode-${mode}.key`);
    await chmod(path, mode);
    const failure = await failureOf(readKeyFile(path));
    expect(failure.name).toBe("KeyFileInvalid");
    expect(failure.message).toContain(`mode 0${mode.toString(8)}`);
  });

  it("is refused when it is missing, or a directory", async () => {
    const missing = await failureOf(readKeyFile(join(place.directory, "no.key")));
    expect(missing).toMatchObject({
      name: "KeyFileInvalid",
      message: `the key file ${join(place.directory, "no.key")} does not exist`,
    });
    const hint = expect.stringContaining(`holdfast init --key-only --key ${join(place.directory, "no.key")}`);
    await expect(readKeyFile(join(place.directory, "no.key"))).rejects.toMatchObject({ hint, cause: { code: "ENOENT" } });
    const through = join(place.directory, "no-directory");
    await writeFile(through, "");
    const unreadable = await readKeyFile(join(through, "x.key")).catch((failure: unknown) => failure);
    expect(unreadable).toMatchObject({
      message: `the key file ${join(through, "x.key")} cannot be read (ENOTDIR)`,
      hint: expect.stringContaining("readable by its owner only"),
    });
    await mkdir(join(place.directory, "directory.key"), { mode: 0o700 });
    expect((await failureOf(readKeyFile(join(place.directory, "directory.key")))).name).toBe("KeyFileInvalid");
  });

  it("has an id that differs from key to key", () => {
    expect(keyIdOf(randomBytes(32))).not.toBe(keyIdOf(randomBytes(32)));
    expect(keyIdOf(bytes)).toBe(keyIdOf(Buffer.from(bytes)));
  });
});
