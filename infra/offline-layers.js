/**
 * An osls plugin: `osls package` asks nobody. osls itself would ask CloudFormation whether the
 * layer was uploaded before, which only a deployment needs to know.
 */
class OfflineLayers {
  constructor(serverless) {
    this.hooks = { "before:package:compileLayers": () => leaveUnasked(serverless) };
  }
}

function leaveUnasked({ pluginManager, processedInput }) {
  if (processedInput.commands[0] !== "package") return;
  for (const plugin of pluginManager.plugins) {
    if (plugin.constructor.name === "AwsCompileLayers") plugin.compareWithLastLayer = async () => undefined;
  }
}

// What `require` gives of this file.
export { OfflineLayers as "module.exports" };
