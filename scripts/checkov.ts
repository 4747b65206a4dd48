/**
 * checkov, a linter of what a template leaves unsafe: `node scripts/checkov.ts TEMPLATE...`. It
 * prints the findings that docs/infrastructure.md does not answer.
 */
import { spawnSync } from "node:child_process";
import { ensurePythonProgram } from "./python-environment.ts";

/** The version whose findings are answered; newer ones may find more. */
const program = { name: "checkov", version: "3.3.30", module: "checkov" };
/** Through `python`, because the console script names the path where it was installed. */
const start = "import sys; from checkov.main import Checkov; sys.exit(Checkov(argv=sys.argv[1:]).run())";

/**
 * Why a finding stands, by the check and the resources' types or names; docs/infrastructure.md says
 * the same at length.
 */
const answered: readonly { readonly check: string; readonly resources: RegExp; readonly why: string }[] = [
  {
    check: "CKV_AWS_18",
    resources: /(State.*|Audit|Trail|ServerlessDeployment)Bucket$|Bucket\.State/,
    why: "holds no backup, or is itself the log",
  },
  {
    check: "CKV_AWS_21",
    resources: /(State|Audit|ServerlessDeployment)Bucket$|Bucket\.State/,
    why: "nothing is overwritten there, or its past is of no use",
  },
  {
    check: "CKV_AWS_27",
    resources: /Queue$/,
    why: "encrypted by SQS's own key (SqsManagedSseEnabled), which the check does not know",
  },
  {
    check: "CKV_AWS_35",
    resources: /\.Trail$/,
    why: "S3 encrypts the bucket by itself; a key that can be deleted would take the record with it",
  },
  { check: "CKV_AWS_67", resources: /\.Trail$/, why: "records objects of the vaults, whose events are in their own Region alone" },
  {
    check: "CKV_AWS_111",
    resources: /Role$/,
    why: "network interfaces of Lambda take no resource; the function's own code is denied them",
  },
  {
    check: "CKV_AWS_115",
    resources: /LambdaFunction$/,
    why: "a new account has 10 executions, of which Lambda leaves none to reserve",
  },
  {
    check: "CKV_AWS_116",
    resources: /LambdaFunction$/,
    why: "failures go to a queue by destination where nobody waits; else the caller is told",
  },
  {
    check: "CKV_AWS_117",
    resources: /LambdaFunction$/,
    why: "talks to AWS alone; what runs code of a backup is in a network without a way out",
  },
  { check: "CKV_AWS_149", resources: /PolicySecret$/, why: "secretsKeys encrypts it with a key of the account's own" },
  { check: "CKV_AWS_158", resources: /Log(Group)?$/, why: "encrypted by CloudWatch Logs; it holds names and figures, and no data" },
  { check: "CKV_AWS_173", resources: /LambdaFunction$/, why: "names and ARNs; secrets are read at run time" },
];

export interface CheckovFinding {
  readonly check: string;
  /** `AWS::S3::Bucket.StateBucket`. */
  readonly resource: string;
  readonly name: string;
}

interface Report {
  readonly results: {
    readonly failed_checks: readonly { readonly check_id: string; readonly check_name: string; readonly resource: string }[];
  };
}

/**
 * What checkov finds in templates, and how many checks passed. Errors: a plain Error when it could
 * not run.
 */
export function runCheckov(templates: readonly string[]): readonly CheckovFinding[] {
  const files = templates.flatMap((file) => ["-f", file]);
  const args = ["-c", start, ...files, "--framework", "cloudformation", "--compact", "--quiet", "-o", "json"];
  const { error, stdout, stderr } = spawnSync(ensurePythonProgram(program), args, { encoding: "utf8", timeout: 900_000 });
  if (error !== undefined || !/^\s*[[{]/.test(stdout)) throw new Error(`checkov could not run: ${error?.message ?? stderr.trim()}`);
  const reports = [JSON.parse(stdout)].flat() as Report[];
  return reports.flatMap(({ results }) =>
    results.failed_checks.map(({ check_id: check, check_name: name, resource }) => ({ check, name, resource })),
  );
}

/** Those that nobody has answered. */
export function unanswered(findings: readonly CheckovFinding[]): readonly CheckovFinding[] {
  return findings.filter(({ check, resource }) => !answered.some((each) => each.check === check && each.resources.test(resource)));
}

if (import.meta.main) {
  const findings = runCheckov(process.argv.slice(2));
  const open = unanswered(findings);
  for (const { check, resource, name } of open) console.error(`${check} ${resource}: ${name}`);
  console.error(`${findings.length} findings, ${open.length} of them without an answer`);
  process.exitCode = open.length === 0 ? 0 : 1;
}
