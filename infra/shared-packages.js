/**
 * A plugin of osls: functions of one handler share one package. serverless-esbuild bundles a
 * handler once, and would zip it again for every function of every source: 400 equal packages,
 * 300 MB to upload, for 200 sources.
 */
import { basename } from "node:path";

class SharedPackages {
  constructor(serverless) {
    this.hooks = { initialize: () => sharePackages(serverless) };
  }
}

function sharePackages({ pluginManager }) {
  const esbuild = pluginManager.plugins.find((each) => each.constructor.name === "EsbuildServerlessPlugin");
  const packEach = esbuild.pack;
  esbuild.pack = async () => {
    const all = esbuild.buildResults;
    const byBundle = Map.groupBy(all, ({ bundlePath }) => bundlePath);
    // `functionAlias` is the package's name: the handler's, as none of the functions is the first.
    esbuild.buildResults = [...byBundle].map(([bundlePath, [first]]) => ({
      ...first,
      functionAlias: basename(bundlePath).replace(/\.mjs$/, ""),
    }));
    await packEach.call(esbuild);
    for (const [first, ...others] of byBundle.values()) {
      for (const { func } of others) func.package = { ...func.package, artifact: first.func.package.artifact };
    }
    esbuild.buildResults = all;
  };
}

// What `require` gives of this file.
export { SharedPackages as "module.exports" };
