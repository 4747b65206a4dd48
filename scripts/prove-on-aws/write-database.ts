/** `node write-database.ts FILE NAME GROUP`: what RDS is asked for, with a password of its own. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";

const [file = "", name = "", group = ""] = process.argv.slice(2);
const instance = {
  DBInstanceIdentifier: name,
  DBInstanceClass: "db.t4g.micro",
  Engine: "postgres",
  EngineVersion: "17",
  AllocatedStorage: 20,
  StorageType: "gp3",
  StorageEncrypted: true,
  DBName: "shop",
  MasterUsername: "holdfast",
  MasterUserPassword: randomBytes(20).toString("hex"),
  VpcSecurityGroupIds: [group],
  PubliclyAccessible: true,
  BackupRetentionPeriod: 0,
  DeletionProtection: false,
};
writeFileSync(file, JSON.stringify(instance), { mode: 0o600 });
