// Which periods are shown. Pure.

/** A chart shows at most two years of months. */
const WINDOW = 24;

/**
 * The last month that is over: a month just begun would show every centre as not adopting. Other kinds of period, or
 * only an open one: the last.
 */
export function defaultPeriod(periods: readonly string[], now: string): string | null {
  const thisMonth = now.slice(0, 7);
  const over = periods.filter((period) => /^\d{4}-\d{2}$/.test(period) && period < thisMonth);
  return over[over.length - 1] ?? periods[periods.length - 1] ?? null;
}

/** The latest periods, or those from the chosen one on if it is older. */
export function trendWindow(periods: readonly string[], chosen: string | null): string[] {
  const latest = Math.max(0, periods.length - WINDOW);
  const index = chosen === null ? -1 : periods.indexOf(chosen);
  const start = index >= 0 && index < latest ? index : latest;
  return periods.slice(start, start + WINDOW);
}
