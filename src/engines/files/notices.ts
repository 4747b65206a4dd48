/**
 * What a dump has to tell: each thing by name, and a bound, so that a tree full of problems cannot
 * swell the manifest.
 */
import type { Notice } from "../../proof/content.ts";

export interface NoticeLog {
  add(code: string, subject: string, message: string): void;
  /** Whether anything of these codes was added. */
  has(...codes: readonly string[]): boolean;
  /** All notices, and for each code that had more than the manifest takes, how many more. */
  list(): readonly Notice[];
}

/**
 * Notices by name of one code that the manifest takes; index.jsonl names every entry that is torn
 * or was left out.
 */
const maxOfOneCode = 1_000;

export function createNoticeLog(): NoticeLog {
  const notices: Notice[] = [];
  const counts = new Map<string, number>();
  return {
    add(code, subject, message) {
      const count = (counts.get(code) ?? 0) + 1;
      counts.set(code, count);
      if (count <= maxOfOneCode) notices.push({ code, subject, message });
    },
    has: (...codes) => codes.some((code) => counts.has(code)),
    list() {
      const more = [...counts].filter(([, count]) => count > maxOfOneCode);
      return [
        ...notices,
        ...more.map(([code, count]) => ({
          code,
          subject: `${count - maxOfOneCode} more`,
          message: `${count} notices of this kind, of which ${maxOfOneCode} are listed; the backup's index.jsonl names them all`,
        })),
      ];
    },
  };
}
