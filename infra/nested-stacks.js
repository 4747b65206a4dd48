/**
 * A plugin of osls: divides the compiled template into the root and nested stacks (ADR 0041), and
 * uploads the nested ones beside the root's and the packages. osls reads .js files only.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { divideTemplate } from "./divide-template.ts";
import { readableError } from "./readable-error.ts";
import { refuseLargeTemplates } from "./refusals.ts";

/** osls's own ways: its credentials, retries and errors. */
const require = createRequire(import.meta.url);

/** The bucket that osls makes for packages, as text for `Fn::Sub`. */
const ownBucket = `\${ServerlessDeploymentBucket}`;
const prefix = "nested-stack-";
const fileOf = (stack) => `${prefix}${stack.toLowerCase()}.json`;

class NestedStacks {
  constructor(serverless) {
    this.serverless = serverless;
    this.provider = serverless.getProvider("aws");
    this.hooks = {
      // The last event before osls saves what it has compiled.
      "after:aws:package:finalize:stripNullPropsFromTemplateResources": () => this.divide(),
      "before:aws:deploy:deploy:checkForChanges": () => this.compareNested(),
      "before:aws:deploy:deploy:uploadArtifacts": () => this.upload(),
    };
  }

  get directory() {
    return join(this.serverless.serviceDir, ".serverless");
  }

  divide() {
    const { service } = this.serverless;
    const bucket = service.provider.deploymentBucket ?? ownBucket;
    const urlOf = (stack) => ({
      "Fn::Sub": `https://s3.\${AWS::Region}.\${AWS::URLSuffix}/${bucket}/${service.package.artifactDirectoryName}/${fileOf(stack)}`,
    });
    try {
      const { sourceStacks } = service.custom.generated;
      const { root, nested } = divideTemplate(service.provider.compiledCloudFormationTemplate, sourceStacks, urlOf);
      // As they are uploaded: without white space.
      const texts = Object.fromEntries(Object.entries(nested).map(([stack, own]) => [stack, JSON.stringify(own)]));
      refuseLargeTemplates({ root: JSON.stringify(root), ...texts });
      service.provider.compiledCloudFormationTemplate = root;
      for (const [stack, text] of Object.entries(texts)) writeFileSync(join(this.directory, fileOf(stack)), text);
    } catch (error) {
      throw readableError(error);
    }
  }

  /**
   * osls skips a deployment that changes nothing: it compares digests of the root's template, of
   * the state and of the packages with those of the last. The directory of this deployment is in
   * every URL of a nested template: for the root's digest, what stands for it is the digest of the
   * nested template, of which osls knows nothing.
   */
  compareNested() {
    const files = require("osls/lib/plugins/aws/lib/normalize-files");
    const plain = files.normalizeCloudFormationTemplate;
    files.normalizeCloudFormationTemplate = (template) => {
      const normal = plain(template);
      for (const [stack, { Type, Properties }] of Object.entries(normal.Resources)) {
        if (Type === "AWS::CloudFormation::Stack") Properties.TemplateURL = this.digest(stack, plain);
      }
      return normal;
    };
    const deploy = this.serverless.pluginManager.plugins.find((each) => each.constructor.name === "AwsDeploy");
    const listAll = deploy.getMostRecentObjects;
    deploy.getMostRecentObjects = async () => (await listAll.call(deploy)).filter(({ Key }) => !basename(Key).startsWith(prefix));
  }

  digest(stack, normalize) {
    const own = normalize(JSON.parse(readFileSync(join(this.directory, fileOf(stack)), "utf8")));
    return createHash("sha256").update(JSON.stringify(own)).digest("base64");
  }

  /** From the files, byte for byte: a package may be deployed that was made before. */
  async upload() {
    const { provider, package: packaged } = this.serverless.service;
    if (provider.shouldNotDeploy || !existsSync(this.directory)) return;
    const uploadObject = require("osls/lib/plugins/aws/lib/upload-s3-object");
    const encrypt = require("osls/lib/aws/set-s3-upload-encryption-options");
    const Bucket = await this.provider.getServerlessDeploymentBucketName();
    for (const name of readdirSync(this.directory).filter((file) => file.startsWith(prefix))) {
      const object = {
        Bucket,
        Key: `${packaged.artifactDirectoryName}/${name}`,
        Body: readFileSync(join(this.directory, name)),
        ContentType: "application/json",
      };
      await uploadObject(this.provider, encrypt(object, provider.deploymentBucketObject ?? {}));
    }
  }
}

// What `require` gives of this file.
export { NestedStacks as "module.exports" };
