/** A database to back up, for an account that has none: RDS's smallest, with sample data. */
import { namesOf, type Proof, type ProofStep } from "./proof-step.ts";

/**
 * Its password is made here, goes into two files that only this user reads, and never into a
 * command. It is reached from anywhere, for a function has no address of its own; what is in it is
 * made up.
 */
export function databaseSteps(proof: Proof): ProofStep[] {
  const { database, group, secret, file } = namesOf(proof);
  const instance = ["--db-instance-identifier", database];
  return [
    {
      title: "A database: RDS's smallest, open to the Internet under a password of 40 characters",
      minutes: 12,
      commands: [
        {
          run: [
            "aws",
            "ec2",
            "create-security-group",
            "--group-name",
            group,
            "--description",
            "Holdfast: a database for a proof",
            "--output",
            "json",
          ],
          saves: { group: /"GroupId": "(sg-[0-9a-f]+)"/ },
        },
        {
          run: [
            "aws",
            "ec2",
            "authorize-security-group-ingress",
            "--group-id",
            "{group}",
            "--protocol",
            "tcp",
            "--port",
            "5432",
            "--cidr",
            "0.0.0.0/0",
          ],
        },
        { run: ["node", "scripts/prove-on-aws/write-database.ts", file("database.json"), database, "{group}"] },
        { run: ["aws", "rds", "create-db-instance", "--cli-input-json", `file://${file("database.json")}`] },
        { run: ["aws", "rds", "wait", "db-instance-available", ...instance] },
        {
          run: ["aws", "rds", "describe-db-instances", ...instance, "--output", "json"],
          saves: { host: /"Address": "([^"]+)"/ },
        },
        {
          run: ["node", "scripts/prove-on-aws/fill-database.ts", file("database.json"), file("connection.json"), "{host}"],
          prints: [/filled/],
        },
        {
          run: ["aws", "secretsmanager", "create-secret", "--name", secret, "--secret-string", `file://${file("connection.json")}`],
        },
      ],
    },
  ];
}
