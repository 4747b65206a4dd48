/**
 * The vault's own RESTORE.md: how to restore with public tools alone, when Holdfast is not at hand.
 */
import type { RestoreChapter } from "../proof/restore-chapter.ts";
import {
  checkManifestCommand,
  checkStoredCommand,
  chooseCommands,
  copyBucketCommand,
  decompressCommands,
  decompressWithPythonCommands,
  installCliCommands,
  installSdkCommands,
  openErasuresWithKeyFileCommands,
  openErasuresWithKmsCommands,
  openSealedScript,
  openWithKeyFileCommands,
  openWithKmsCommands,
  readErasuresCommand,
  readErasuresScript,
  readManifestCommand,
  readManifestScript,
  settingsCommands,
} from "./restore-scripts.ts";

const shell = (code: string) => `\`\`\`sh\n${code}\n\`\`\``;
const python = (name: string, code: string) => `Save this as \`${name}\`:\n\n\`\`\`python\n${code}\`\`\``;

/**
 * The text of RESTORE.md, the same for every vault of format version 2: opening a backup, and a
 * chapter of each engine about loading it. Its fenced commands, run in order from an empty
 * directory, restore a backup; a test does so. docs/restore-without-holdfast.md is the longer
 * version, with the same commands.
 */
export function restoreInstructions(chapters: readonly RestoreChapter[]): string {
  const written = chapters.flatMap(({ writes }) => writes);
  const tools = chapters.map((chapter) => chapter.tools).join(", or ");
  return `# How to restore from this vault without Holdfast

This folder or bucket is a vault of Holdfast, format version 2. Its backups open with public tools and the key: every artifact is a
message of the AWS Encryption SDK. You need \`python3\` with access to PyPI (or its packages on a disk), \`sha256sum\`, \`zstd\`, and what reads
the content: ${tools}. Work in an empty,
private directory with room for the backup; use one shell from beginning to end.

## 1. Settings

${shell(settingsCommands)}

A bucket is copied to a folder first; \`holdfast.json\`, \`manifests/\`, \`artifacts/\` and \`erasures/\` are enough, of that the backup's folder and those that
its manifest names (\`reusedFrom\`):

${shell(copyBucketCommand)}

## 2. Choose a backup

A manifest is written when its backup is complete; names begin with the time (UTC), so that the last is the newest.

${shell(chooseCommands)}

The second listing shows what was found when the backup was checked: prefer one with \`proven\` or \`verified\`, and take an older one
(set \`BACKUP\` to its name without \`.json\`) when the last word is \`damaged\` or \`disproven\`.

## 3. Read its manifest

${python("read_manifest.py", readManifestScript(written))}

${shell(readManifestCommand)}

The last words of each line are the id of the key that the artifact was sealed with: go on only if it is yours.

## 4. Check what is stored

Any line that does not say \`OK\` is damage: choose another backup.

${shell(checkStoredCommand)}

## 5. Open the seal, with a key file

When the key's id begins with \`file:\`, the key file is needed whose comment names that id. (For \`kms:\`, go to the next step.)

${python("open_sealed.py", openSealedScript)}

${shell(installSdkCommands)}

${shell(openWithKeyFileCommands)}

## 6. Open the seal, with AWS KMS

Instead of step 5, when the key's id begins with \`kms:\`. Your AWS identity needs \`kms:Decrypt\` on that key.

${shell(installCliCommands)}

${shell(openWithKmsCommands)}

## 7. Check who made the manifest

${shell(checkManifestCommand)}

This says whether the manifest was made by somebody who had the key. When it does not say \`OK\`, or the seal named \`manifest\` is missing or does not
open, somebody else made or changed the manifest: choose another backup. With this and step 4, every byte is the one that was written: the manifest
names the stored bytes, and a seal opens to what was put into it, or not at all.

## 8. Decompress

${shell(decompressCommands)}

Or, where \`zstd\` is not installed:

${shell(decompressWithPythonCommands)}

${chapters.map(renderChapter).join("\n")}
${renderErasures(commonSteps + chapters.length + 1)}`;
}

/** People who were erased since the backup was made must not come back with it. */
function renderErasures(step: number): string {
  return `## ${step}. Take out what was erased since

People who were erased from production after the backup was made are still in it. The ledger \`erasures/\` of the vault (copy it too, from a bucket) says what
was erased: **do this before anybody uses what you restored**.

${python("read_erasures.py", readErasuresScript)}

${shell(readErasuresCommand)}

With a key file:

${shell(openErasuresWithKeyFileCommands)}

With AWS KMS:

${shell(openErasuresWithKmsCommands)}

Each line is one erasure: \`erasedAt\`, \`reason\` and \`targets\`. Carry out those whose \`erasedAt\`, or \`recordedAt\` in the ledger's own file, is later than
the backup (the first line of step 3 says as of when it is). For a target with \`table\`, delete the rows in which every column of \`key\` has its value; with \`set\`,
overwrite these columns instead. Then \`REFRESH MATERIALIZED VIEW\` each view that holds copies. For a target with \`path\`, remove what matches the pattern.
That an entry opens shows that it was made with the key.
`;
}

/** Steps before the engines' chapters. */
const commonSteps = 8;

function renderChapter({ title, text }: RestoreChapter, index: number): string {
  return `## ${commonSteps + 1 + index}. ${title}\n\n${text}\n`;
}
