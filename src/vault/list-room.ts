/** Listings of a vault's rooms, and walking along two of them at once. */
import { HoldfastError } from "../errors/holdfast-error.ts";
import { type BackupPlace, isSourceName } from "./layout.ts";
import { compareKeys } from "./object-key.ts";
import type { ListedObject, ObjectStore } from "./object-store.ts";

export interface RoomOptions {
  readonly source?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface StoredPlace {
  /** By the store's own time. */
  readonly storedAt: Date;
}

/**
 * The places that the keys of a room name, in the order of the listing. What others put there is
 * skipped, unless it hides a source. With `since`, only ids of the source that sort after it.
 */
export async function* listRoom<P extends BackupPlace>(
  store: ObjectStore,
  room: string,
  parse: (key: string) => P | undefined,
  { source, signal, since }: RoomOptions & { readonly since?: string | undefined },
): AsyncGenerator<P & StoredPlace, void, undefined> {
  if (source !== undefined && !isSourceName(source)) return;
  const prefix = source === undefined ? `${room}/` : `${room}/${source}/`;
  let hiding: ListedObject | undefined;
  const startAfter = source === undefined || since === undefined ? {} : { startAfter: `${prefix}${since}` };
  for await (const object of store.list(prefix, { includeOdd: true, signal, ...startAfter })) {
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

/**
 * Walks a listing along with another one: both are sorted alike, so that each is read once.
 * `onSkipped` is given the place of what is skipped, each once.
 */
export function cursorOf<P extends BackupPlace>(
  places: AsyncGenerator<P, void, undefined>,
  onSkipped: (place: BackupPlace) => void = () => undefined,
) {
  let next: P | undefined;
  let skipped: BackupPlace | undefined;
  const skip = ({ source, id }: P): void => {
    if (skipped !== undefined && comparePlaces(skipped, { source, id }) === 0) return;
    skipped = { source, id };
    onSkipped(skipped);
  };
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
        else skip(next);
        await advance();
      }
      return taken;
    },
    /** Skips what is left. */
    async skipRest(): Promise<void> {
      if (next === undefined && !ended) await advance();
      while (next !== undefined) {
        skip(next);
        await advance();
      }
    },
  };
}

/** The order of a listing: the source with the slash after it, then the id. */
export function comparePlaces(a: BackupPlace, b: BackupPlace): number {
  return compareKeys(`${a.source}/${a.id}`, `${b.source}/${b.id}`);
}
