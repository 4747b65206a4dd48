/** How a first policy of a tree of files begins. */
import type { InitialSource } from "../../engine-policy.ts";

export const initialFiles: InitialSource = {
  options: [{ name: "path", value: "directory", description: "the tree to back up", sample: "/srv/config" }],
  example: "init --engine files --source config --path /srv/config --vault folder:/srv/backups",
  lines: ({ path }, common) => `    engine: files

    # The directory; patterns are relative to it.
    path: ${path}
    # include: ["**/*.env", "certificates/**"]
    # exclude: ["cache/**", "*.tmp"]

${common}

    # Extract the newest backup into a private directory at 04:00 on the first of each month, and compare it file by file.
    restoreTest:
      schedule: "0 4 1 * *"
`,
};
