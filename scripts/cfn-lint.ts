/** cfn-lint, the CloudFormation team's own linter: `node scripts/cfn-lint.ts TEMPLATE...` */
import { spawnSync } from "node:child_process";
import { ensurePythonProgram } from "./python-environment.ts";

/** The version whose rules the templates are clean under; newer ones may know more. */
const program = { name: "cfn-lint", version: "1.58.0", module: "cfnlint" };

/** Through `python`, because the console script names the path where it was installed. */
const start = "import sys; from cfnlint.runner import main; sys.exit(main())";

/**
 * What cfn-lint finds in templates, warnings included; empty: nothing. Errors: a plain Error when
 * it could not run.
 */
export function lintTemplates(templates: readonly string[], region: string): string {
  const args = ["-c", start, "--regions", region, "--format", "parseable", "--", ...templates];
  const { status, error, stdout, stderr } = spawnSync(ensurePythonProgram(program), args, { encoding: "utf8", timeout: 900_000 });
  const findings = stdout.trim();
  // It ends with a bit for each kind of finding.
  if (error === undefined && (status === 0 || findings !== "")) return findings;
  throw new Error(`cfn-lint could not run: ${error?.message ?? stderr.trim()}`);
}

if (import.meta.main) {
  const findings = lintTemplates(process.argv.slice(2), process.env["AWS_REGION"] ?? "eu-central-1");
  if (findings !== "") console.error(findings);
  process.exitCode = findings === "" ? 0 : 1;
}
