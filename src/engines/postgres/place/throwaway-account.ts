/**
 * The account that initdb needs: it refuses to run as a user without a name. Everything else of a
 * restore test goes by numbers.
 */
import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { HoldfastError } from "../../../errors/holdfast-error.ts";

/** As in a container that runs as a number (`docker run --user 1234`). */
export const noAccount = {
  message: "a PostgreSQL server needs an account for this user, and this machine has none",
  remedy:
    "Add a line for this user to /etc/passwd (in an image: RUN useradd --uid NUMBER holdfast), or run Holdfast as a user that has one. Backups need none.",
} as const;

const noOtherUser = {
  message: "a PostgreSQL server does not run as root, and /etc/passwd knows no other user",
  remedy: "Run Holdfast as an ordinary user, or create a user named nobody.",
} as const;

/** The account `nobody`, or else the first that is not root's. Errors: ThrowawayFailed. */
export async function findNamedUser(): Promise<number> {
  const lines = (await readFile("/etc/passwd", "utf8").catch(() => "")).split("\n").map((line) => line.split(":"));
  const accounts = lines.filter(([name, , uid]) => name !== undefined && Number(uid) > 0);
  const found = accounts.find(([name]) => name === "nobody") ?? accounts[0];
  if (found !== undefined) return Number(found[2]);
  throw new HoldfastError("ThrowawayFailed", noOtherUser.message, { hint: noOtherUser.remedy });
}

/** Why initdb would refuse to run here, and what to do about it; undefined where it runs. */
export async function findMissingAccount(): Promise<{ readonly message: string; readonly remedy: string } | undefined> {
  if (process.getuid?.() === 0) {
    return findNamedUser().then(
      () => undefined,
      () => noOtherUser,
    );
  }
  try {
    userInfo();
    return undefined;
  } catch {
    return noAccount;
  }
}
