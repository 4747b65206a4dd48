/** Comma-separated values as RFC 4180 writes them. */

export interface CsvRecord {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

/** The records of a text, empty lines left out. A quote that is never closed ends with the text. */
export function parseCsv(text: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let fields: string[] = [];
  let field = "";
  let quoted = false;
  let [line, begun] = [1, 1];
  const end = (): void => {
    fields.push(field);
    if (fields.length > 1 || field !== "") records.push({ line: begun, fields });
    fields = [];
    field = "";
  };
  const given = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  for (let at = 0; at < given.length; at += 1) {
    const character = given[at] as string;
    if (character === "\n") line += 1;
    if (quoted) {
      if (character !== '"') field += character;
      else if (given[at + 1] === '"') {
        field += '"';
        at += 1;
      } else quoted = false;
    } else if (character === '"' && field === "") quoted = true;
    else if (character === ",") {
      fields.push(field);
      field = "";
    } else if (character === "\n") {
      end();
      begun = line;
    } else field += character;
  }
  end();
  return records;
}
