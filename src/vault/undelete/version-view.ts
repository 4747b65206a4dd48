/**
 * One version of an object as a store of its own: what reads documents reads an older one alike.
 */
import { HoldfastError } from "../../errors/holdfast-error.ts";
import type { ObjectStore, ObjectVersion, ObjectVersions } from "../object-store.ts";

/**
 * A store that holds this version alone, and that nothing can be written to. Errors of `get`: those
 * of ObjectVersions.get, ObjectNotFound for every other key.
 */
export function viewVersion(store: ObjectStore, versions: ObjectVersions, version: ObjectVersion): ObjectStore {
  const none = (key: string) => new HoldfastError("ObjectNotFound", `${store.url} has no ${key} here`);
  const refuse = async (): Promise<never> => {
    throw new HoldfastError("Internal", `an older version in ${store.url} was to be changed`);
  };
  const isIt = (key: string): boolean => key === version.key;
  return {
    url: store.url,
    put: refuse,
    delete: refuse,
    async get(key, options = {}) {
      if (!isIt(key)) throw none(key);
      return versions.get(version, options.signal === undefined ? {} : { signal: options.signal });
    },
    async head(key) {
      const { bytes, modifiedAt, versionId } = version;
      return isIt(key) ? { key, bytes, modifiedAt, etag: versionId } : undefined;
    },
    async *list(prefix) {
      if (version.key.startsWith(prefix)) yield version;
    },
    async *listHidden() {},
    inspect: async () => [],
    abortStaleUploads: async () => 0,
    close: () => undefined,
  };
}
