/** `holdfast requests`: what waits for a second person, and what has become of the rest. */
import { writeFile } from "node:fs/promises";
import { errorDocument } from "../../errors/error-document.ts";
import { exitCodes } from "../../errors/exit-codes.ts";
import { HoldfastError } from "../../errors/holdfast-error.ts";
import { describeAnswer, describeSubject } from "../../pipeline/approvals/describe-request.ts";
import { openApprovers } from "../../pipeline/approvals/known-approvers.ts";
import { findRequest, listRequests } from "../../pipeline/approvals/read-requests.ts";
import { requestDocument } from "../../pipeline/approvals/request-document.ts";
import { renderTable } from "../../report/format.ts";
import type { RequestStatus } from "../../vault/request-states.ts";
import type { Outcome, Session } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { sentRequest } from "./sent-files.ts";

interface RequestsOptions {
  readonly all?: boolean | undefined;
  readonly out?: string | undefined;
}

/** All that are open, or, with an id, one with all that an approver needs. */
export async function requests(session: Session, id: string | undefined, options: RequestsOptions): Promise<Outcome> {
  if (id !== undefined) return showOne(session, id, options);
  if (options.out !== undefined) throw new HoldfastError("UsageInvalid", "--out takes one request: name it");
  const { context, terminal } = session;
  const listed = await listRequests(context, await approversFor(session));
  const wanted = listed.map((each) => ({
    ...each,
    requests: each.requests.filter((status) => options.all === true || isOpen(status)),
  }));
  const all = wanted.flatMap(({ requests: found }) => found);
  return {
    document: {
      vaults: wanted.map(({ vault, requests: found, problems, error }) => ({
        vault,
        requests: found.map(requestDocument),
        problems,
        ...(error === undefined ? {} : { error: errorDocument(error) }),
      })),
    },
    lines: [
      ...(all.length === 0
        ? [options.all === true ? "no requests" : "no request is open"]
        : renderTable({ head: ["REQUEST", "STATE", "BY", "WHAT", "UNTIL", "REASON"], rows: all.map(rowOf) })),
      ...wanted.flatMap(({ problems }) => problems.map((problem) => `${terminal.style("red", "odd")}  ${problem}`)),
      ...all.flatMap(({ id: of, ignored, doubt }) =>
        [...ignored, ...(doubt === undefined ? [] : [doubt])].map(
          (line) => `${terminal.style("red", "odd")}  request ${of}, ${line}`,
        ),
      ),
      ...wanted.flatMap(({ error }) =>
        error === undefined ? [] : [`not read  ${error.message} (${error.name})`, `  ${error.hint}`],
      ),
    ],
    exitCode: wanted.find(({ error }) => error !== undefined)?.error?.exitCode ?? exitCodes.done,
  };
}

/** A stack knows who answers by their AWS identity; a machine by their keys. */
async function approversFor({ context, stack }: Session) {
  return stack === undefined ? openApprovers(context) : ("identities" as const);
}

function isOpen({ state }: RequestStatus): boolean {
  return state === "waiting" || state === "approved";
}

function rowOf({ id, state, request }: RequestStatus): string[] {
  const [what = ""] = describeSubject(request);
  return [id, state, request.by, what, request.expiresAt, request.reason];
}

async function showOne(session: Session, id: string, { out }: RequestsOptions): Promise<Outcome> {
  const { context, terminal } = session;
  const { status, vault } = await findRequest(context, id, await approversFor(session));
  if (out !== undefined) {
    await writeFile(out, sentRequest(vault.id, status.request), { flag: "wx", mode: 0o600 }).catch((error: unknown) => {
      throw new HoldfastError("UsageInvalid", `the request cannot be written to ${out}: ${(error as Error).message}`, {
        cause: error,
      });
    });
  }
  return {
    document: { ...requestDocument(status), ...(out === undefined ? {} : { out }) },
    lines: [...describeRequest(terminal, status), ...(out === undefined ? [] : [`wrote ${out}: send it to an approver`])],
  };
}

/** A request with all that an approver needs, for people. */
export function describeRequest(terminal: Terminal, status: RequestStatus): string[] {
  const { id, request, ignored } = status;
  const [what, ...others] = describeSubject(request);
  return [
    `request ${terminal.style("bold", id)} ${describeAnswer(status)}`,
    `  what    ${what}`,
    ...others.map((line) => `          ${line}`),
    `  who     ${request.by}, at ${request.at}`,
    `  why     ${request.reason}`,
    ...request.loses.map((line, index) => `  ${index === 0 ? "loses " : "      "}  ${line}`),
    ...ignored.map((line) => `  ${terminal.style("red", "odd")}     ${line}`),
  ];
}
