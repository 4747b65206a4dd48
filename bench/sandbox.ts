/**
 * What each kind of sandbox adds to the start of a program that only prints its version
 * (`npm run bench -- --sandbox`).
 */
import { ensureBubblewrap } from "../scripts/bubblewrap.ts";
import { ensurePostgres } from "../scripts/postgres-binaries.ts";
import { confine, missingFor, type SandboxKind, sandboxKinds } from "../src/runtime/sandbox.ts";
import { chooseSandboxUser } from "../src/runtime/sandbox-user.ts";
import { type Command, type Contender, measure, median, takeTurns } from "./measure.ts";
import { benchMajor } from "./workspace.ts";

const bare = "no sandbox, no limits";
const env = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };

/** Prints medians and what each kind adds. Errors: a plain Error where a program does not start. */
export async function benchSandbox(runs: number): Promise<void> {
  const { binDir } = await ensurePostgres(benchMajor);
  const program = `${binDir}/pg_restore`;
  const asRoot = process.getuid?.() === 0;
  const kinds = sandboxKinds.filter((kind) => missingFor(kind, asRoot, `${ensureBubblewrap()}:${env.PATH}`) === undefined);
  const contenders = [
    contender(bare, { command: program, args: ["--version"], env }),
    ...kinds.map((kind) => contender(kind, launchIn(kind, program, asRoot))),
  ];
  // Once each, unmeasured: what is read from the disk for the first time is charged to nobody.
  await takeTurns(contenders, 1, () => undefined);
  const results = await takeTurns(contenders, runs, () => undefined);
  const middle = (name: string): number => median((results.get(name) ?? []).map(({ seconds }) => seconds * 1000));
  console.log(`pg_restore --version, as ${asRoot ? "root" : "an ordinary user"}: medians of ${runs} runs in turns`);
  for (const { name } of contenders) {
    const added =
      name === bare ? "" : `, adds ${(middle(name) - middle(bare)).toFixed(1)} ms (${(middle(name) / middle(bare)).toFixed(1)} x)`;
    console.log(`  ${name.padEnd(bare.length)}  ${middle(name).toFixed(1).padStart(7)} ms${added}`);
  }
}

const contender = (name: string, command: Command): Contender => ({ name, run: () => measure(command) });

function launchIn(kind: SandboxKind, program: string, asRoot: boolean): Command {
  const bubblewrap = kind === "bubblewrap" ? { bubblewrap: `${ensureBubblewrap()}/bwrap` } : {};
  const { command, args, uid, gid } = confine(program, ["--version"], {
    sandbox: { kind, asRoot, refusals: [], ...bubblewrap },
    user: chooseSandboxUser("program"),
  });
  return { command, args, env, cwd: "/", ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
}
