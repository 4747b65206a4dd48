/** What happened, for each runbook: done for real before its first command. */
import { appendFile, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SandboxOptions } from "../../support/runbook.ts";
import { deleteEverything, encryptSome, moveToBucket, openBucket } from "./bucket.ts";
import { backUp, policyOf, type Scenario } from "./scenario.ts";

/** Resolves with what the page's commands need beside the scenario. */
type Accident = (scenario: Scenario) => Promise<Partial<SandboxOptions> | undefined>;

export const accidents: Readonly<Record<string, Accident>> = {
  async "database-lost"({ sql }) {
    await sql("drop database shop with (force)", "postgres");
    return undefined;
  },

  async "table-dropped"({ sql, world, root }) {
    await sql("drop table orders");
    await backUp(world, root, ["shop"], 0);
    return undefined;
  },

  async "bad-update"({ sql, world, root }) {
    await sql("update orders set total = 0");
    await backUp(world, root, ["shop"], 0);
    return undefined;
  },

  async "file-lost"({ root }) {
    await mkdir(join(root, "tmp"));
    await rm(join(root, "srv/config/nginx/nginx.conf"));
    return undefined;
  },

  /** The bucket of the policy cannot be reached: there is none; its copy is in another region. */
  async "region-gone"(scenario) {
    const bucket = await openBucket(scenario.world, "acme-backups-copy", "eu-west-1");
    await moveToBucket(bucket, join(scenario.root, "srv/backups"));
    const gone = bucket.vault.replace("acme-backups-copy", "acme-backups").replace("eu-west-1", "eu-central-1");
    await scenario.writePolicy(policyOf(scenario.root, scenario.world.timezone, gone));
    await scenario.sql("drop database shop with (force)", "postgres");
    await rm(join(scenario.root, "srv/config"), { recursive: true });
    return { env: { ...scenario.env, ...bucket.env } };
  },

  /** The files are encrypted, a backup of them was made, and the vault was attacked as well. */
  async "credentials-leaked"(scenario) {
    const { root, world } = scenario;
    for (const file of ["api.env", "nginx/nginx.conf"]) await writeFile(join(root, "srv/config", file), Buffer.alloc(64, 0xe7));
    await appendFile(join(root, "srv/config/READ_ME.txt"), "pay\n");
    await backUp(world, root, ["config"], 0);
    const bucket = await openBucket(world, "acme-backups", "eu-central-1");
    await moveToBucket(bucket, join(root, "srv/backups"));
    await scenario.writePolicy(policyOf(root, world.timezone, bucket.vault));
    await encryptSome(bucket);
    return { env: { ...scenario.env, ...bucket.env } };
  },

  async "key-lost"({ root }) {
    await mkdir(join(root, "media/usb"), { recursive: true });
    await rename(join(root, "etc/holdfast/main.key"), join(root, "media/usb/main.key"));
    return undefined;
  },

  async "bucket-deleted"(scenario) {
    const { root, world } = scenario;
    const bucket = await openBucket(world, "acme-vault", "eu-central-1");
    await moveToBucket(bucket, join(root, "srv/backups"));
    await scenario.writePolicy(policyOf(root, world.timezone, bucket.vault));
    await deleteEverything(bucket);
    return { env: { ...scenario.env, ...bucket.env } };
  },

  async "new-machine"({ root, sql }) {
    await mkdir(join(root, "media/usb"), { recursive: true });
    await rename(join(root, "srv/backups"), join(root, "media/backups"));
    await rename(join(root, "etc/holdfast/main.key"), join(root, "media/usb/main.key"));
    for (const path of ["srv/config", "etc/holdfast", "holdfast.yml"]) await rm(join(root, path), { recursive: true });
    await sql("drop database shop with (force)", "postgres");
    return undefined;
  },

  async "without-holdfast"({ root }) {
    await mkdir(join(root, "media"), { recursive: true });
    await rename(join(root, "srv/backups"), join(root, "media/backups"));
    return undefined;
  },
};
