/**
 * How a backup of this engine is unpacked without Holdfast. A test runs these commands as they
 * stand.
 */
import type { RestoreChapter } from "../../proof/restore-chapter.ts";

const extractCommands = `mkdir restored
tar --extract --file=files.tar --directory=restored --preserve-permissions --numeric-owner`;

export const instructions: RestoreChapter = {
  title: "Unpack it: files",
  tools: "`tar`",
  writes: ["restored"],
  text: `\`files.tar\` is the tree. Run this as root to give files their owners back.

\`\`\`sh
${extractCommands}
\`\`\``,
};
