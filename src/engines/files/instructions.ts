/**
 * How a backup of this engine is unpacked without Holdfast. A test runs these commands as they
 * stand.
 */
import type { RestoreChapter } from "../../proof/restore-chapter.ts";

const extractCommands = `cut -d " " -f 1 artifacts.txt | grep '\\.tar$' | xargs cat > files.tar
mkdir restored
tar --extract --file=files.tar --directory=restored --preserve-permissions --numeric-owner`;

export const instructions: RestoreChapter = {
  title: "Unpack it: files",
  tools: "`tar`",
  writes: ["files.tar", "restored"],
  text: `The files that end with \`.tar\` are the parts of one archive, in the order of \`artifacts.txt\`; joined, they are the tree. Run this as root to give files their owners back.

\`\`\`sh
${extractCommands}
\`\`\``,
};
