/**
 * What takes everything away again, whatever of it was made: each command is content with what is
 * gone already, and the last ones look whether anything is left.
 */
import { type Command, namesOf, type Proof, type ProofStep, refusedByAws } from "./proof-step.ts";
import { osls } from "./steps.ts";

const noSuchThing =
  /NotFound|NoSuch|NonExistent|does not exist|ResourceNotFound|InvalidGroup|cannot be found|is not authorized to perform: sts/;

function removeKey(alias: string): Command[] {
  return [
    {
      run: ["aws", "kms", "schedule-key-deletion", "--key-id", alias, "--pending-window-in-days", "7"],
      goneWhen: /NotFound|KMSInvalidState/,
    },
  ];
}

export function removalSteps(proof: Proof): ProofStep[] {
  const { stack, vault, state, sealing, signing, secret, database, group, queue } = namesOf(proof);
  const instance = ["--db-instance-identifier", database];
  const madeDatabase: Command[] = [
    { run: ["aws", "rds", "delete-db-instance", ...instance, "--skip-final-snapshot"], goneWhen: noSuchThing },
    { run: ["aws", "rds", "wait", "db-instance-deleted", ...instance], goneWhen: noSuchThing },
    { run: ["aws", "ec2", "delete-security-group", "--group-name", group], goneWhen: noSuchThing, forMinutes: 5 },
    {
      run: ["aws", "secretsmanager", "delete-secret", "--secret-id", secret, "--force-delete-without-recovery"],
      goneWhen: noSuchThing,
    },
  ];
  return [
    {
      title: "Remove the stack",
      minutes: 8,
      commands: [
        { run: osls(proof, "remove"), goneWhen: /does not exist|No CloudFormation stack|not found/i },
        {
          run: ["aws", "sqs", "get-queue-url", "--queue-name", queue, "--output", "json"],
          saves: { queueLeft: /"QueueUrl": "([^"]+)"/ },
          goneWhen: noSuchThing,
        },
        { run: ["aws", "sqs", "delete-queue", "--queue-url", "{queueLeft}"], goneWhen: noSuchThing },
      ],
    },
    {
      title: "Remove what outlives a stack: the vault, its state, its access logs, its keys",
      minutes: 3,
      commands: [
        { run: ["node", "scripts/prove-on-aws/remove-buckets.ts", vault, state, `${stack}-auditbucket-*`] },
        ...[sealing, signing, `alias/holdfast-storage-${vault}`, `alias/holdfast-storage-${state}`].flatMap(removeKey),
      ],
    },
    ...(proof.connection === undefined ? [{ title: "Remove the database", minutes: 10, commands: madeDatabase }] : []),
    {
      title: "Look whether anything is left: keys that wait for their deletion, and nothing else",
      minutes: 1,
      commands: [
        {
          run: [
            "aws",
            "resourcegroupstaggingapi",
            "get-resources",
            "--tag-filters",
            `Key=holdfast,Values=${proof.stage}`,
            "--output",
            "json",
          ],
        },
        {
          run: ["aws", "s3api", "list-buckets", "--prefix", stack, "--query", "Buckets[].Name", "--output", "text"],
          prints: [/^(None)?\s*$/],
        },
        {
          run: ["aws", "cloudformation", "describe-stacks", "--stack-name", stack],
          exits: refusedByAws,
          prints: [/does not exist/],
        },
      ],
    },
  ];
}
