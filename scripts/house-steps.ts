/** What the house asks of every change beside its tests. */
import { toolStep } from "./steps.ts";

export const houseSteps = [
  toolStep("format and lint", "biome", ["check", "--error-on-warnings", "."]),
  toolStep("types", "tsc", ["--noEmit"]),
  toolStep("no import cycles", "node", ["scripts/import-cycles.ts"]),
  toolStep("unused code and packages", "knip", []),
  toolStep("comments within 100 columns", "node", ["scripts/comments.ts", "--check"]),
  toolStep("documentation is current", "node", ["scripts/docs.ts", "--check"]),
];
