/** Numbers of things, in words. */

/** `1 row`, `2 rows`, `1,500,000 rows`; `plural` for words that do not just take an s. */
export function countOf(count: number, singular: string, plural = `${singular}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? singular : plural}`;
}
