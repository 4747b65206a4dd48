/** What a policy needs to know of the files engine. */
import type { EnginePolicy } from "../../engine-policy.ts";
import { parseFilePattern } from "./file-pattern.ts";
import { initialFiles } from "./initial-source.ts";
import { filesSchema, kinds, name, type WrittenFiles } from "./schema.ts";
import type { FilesSource } from "./source.ts";

/** The word is also PostgreSQL's, whose description --help shows. */
const noOwner = "everything belongs to the user that restores";

export const filesPolicy: EnginePolicy<FilesSource, WrittenFiles> = {
  name,
  kinds,
  reach: "machine",
  // A tree's own counts are by type, and its rows are all entries.
  units: { objects: ["entry", "entries"], rows: ["file", "files"], counted: ["entry", "entries"] },
  secretVariables: [],
  schema: filesSchema,
  resolve: (written, common, paths) => ({
    ...common,
    engine: name,
    path: paths.resolve(written.path, ["sources", common.name, "path"]),
    include: written.include ?? [],
    exclude: written.exclude ?? [],
    maxHoleBytes: written.maxHoles,
  }),
  secretsOf: () => [],
  initial: initialFiles,
  valueForms: [
    {
      name: "pattern of files",
      written: "`*.log`, `/cache/`, `uploads/**`",
      meaning:
        "relative to the source's path; `*` and `?` stay within one name, `**` crosses folders; a pattern without a slash matches at any depth, with one it begins at the path; a last slash means folders only",
    },
  ],
  restore: {
    targets: "a directory",
    only: "a file, a directory or a pattern (etc/nginx/*.conf)",
    flags: [{ name: "no-owner", description: noOwner }],
  },
  erases: { form: "paths", findProblem: findPatternProblem },
  find: { name: "path", value: "path", description: "a file, or a directory with all that it holds", compile: compilePath },
};

function findPatternProblem(path: string): string | undefined {
  const parsed = parseFilePattern(path);
  return "problem" in parsed ? "the path is not a pattern of files" : undefined;
}

/** A path below the source's, as a shell completes it. Objects are `file etc/nginx/nginx.conf`. */
function compilePath(given: string): (object: string) => boolean {
  const path = given.replace(/^(?:\.?\/)+/, "").replace(/\/+$/, "");
  const isWhole = path === "" || path === ".";
  return (object) => {
    const name = object.slice(object.indexOf(" ") + 1);
    return isWhole || name === path || name.startsWith(`${path}/`);
  };
}
