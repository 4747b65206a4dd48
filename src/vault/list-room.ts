/** Listings of a vault's rooms, and walking along two of them at once. */
import { HoldfastError } from "../errors/holdfast-error.ts";
import { type BackupPlace, isSourceName } from "./layout.ts";
import { compareKeys } from "./object-key.ts";
import type { ListedObject, ObjectStore } from "./object-store.ts";

export interface RoomOptions {
  readonly source?: string;
  readonly signal?: AbortSignal;
}

export interface StoredPlace {
  /** By the store's own time. */
  readonly storedAt: Date;
}

/**
 * The places that the keys of a room name, in the order of the listing. What others put there is
 * passed by, unless it hides a source.
 */
export async function* listRoom<P extends BackupPlace>(
  store: ObjectStore,
  room: string,
  parse: (key: string) => P | undefined,
  { source, signal }: RoomOptions,
): AsyncGenerator<P & StoredPlace, void, undefined> {
  if (source !== undefined && !isSourceName(source)) return;
  const prefix = source === undefined ? `${room}/` : `${room}/${source}/`;
  let hiding: ListedObject | undefined;
  for await (const object of store.list(prefix, { includeOdd: true, ...(signal === undefined ? {} : { signal }) })) {
    const place = parse(object.key);
    // Also of a link or a pipe: the backup is there, and reading it says what stands in its
    // manifest's way.
    if (place !== undefined) yield { ...place, storedAt: object.modifiedAt };
    else if (object.odd !== undefined && object.key.split("/").length === 2) hiding ??= object;
  }
  if (hiding === undefined) return;
  throw new HoldfastError("VaultInvalid", `${hiding.key} in ${store.url} is ${hiding.odd} where a source's directory must be`, {
    hint: "Find out who put it there, and replace it by the directory itself.",
  });
}

/** Walks a listing along with another one: both are sorted alike, so that each is read once. */
export function cursorOf<P extends BackupPlace>(places: AsyncGenerator<P, void, undefined>) {
  let next: P | undefined;
  let ended = false;
  const advance = async (): Promise<void> => {
    const result = await places.next();
    ended = result.done === true;
    next = result.done === true ? undefined : result.value;
  };
  return {
    /** All items of `place`; items before it (of backups without a manifest) are skipped. */
    async takeFor(place: BackupPlace): Promise<P[]> {
      const taken: P[] = [];
      if (next === undefined && !ended) await advance();
      while (next !== undefined) {
        const order = comparePlaces(next, place);
        if (order > 0) break;
        if (order === 0) taken.push(next);
        await advance();
      }
      return taken;
    },
  };
}

/** The order of a listing: the source with the slash after it, then the id. */
export function comparePlaces(a: BackupPlace, b: BackupPlace): number {
  return compareKeys(`${a.source}/${a.id}`, `${b.source}/${b.id}`);
}
