// Sorting and searching of lists. Pure; stable, so that equal rows keep their order.

import { fold } from "../text/format";

/** null sorts last in both directions: no figure is neither high nor low. */
export type SortKey = string | number | null;

export function ordered<T>(
  rows: readonly T[],
  key: (row: T) => SortKey,
  descending: boolean,
  compareText: (a: string, b: string) => number,
): T[] {
  const sign = descending ? -1 : 1;
  return rows
    .map((row) => ({ row, key: key(row) }))
    .sort((a, b) => {
      if (a.key === null || b.key === null) return Number(a.key === null) - Number(b.key === null);
      if (typeof a.key === "number" && typeof b.key === "number") return sign * (a.key - b.key);
      return sign * compareText(String(a.key), String(b.key));
    })
    .map((entry) => entry.row);
}

/**
 * The rows that contain the search as one phrase, accents and case aside. Where there are none, those that contain each of
 * its words: "phu xuan" must not find every "Phường … Xuân", but "tieu hoc kim long" may skip a name in between.
 */
export function searched<T>(rows: readonly T[], textOf: (row: T) => string, search: string): T[] {
  const words = fold(search)
    .split(/\s+/)
    .filter((word) => word !== "");
  const texts = rows.map((row) => fold(textOf(row)));
  const phrase = words.join(" ");
  const exact = rows.filter((_, index) => texts[index]?.includes(phrase));
  if (exact.length > 0 || words.length < 2) return exact;
  return rows.filter((_, index) => words.every((word) => texts[index]?.includes(word)));
}
