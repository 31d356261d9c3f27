// Numbers, dates and periods in the reader's form: "63,2 %" and "tháng 10/2026", or "63.2%" and "October 2026".
// Pure: language and time zone come as arguments.

export type Language = "vi" | "en";

const NBSP = "\u00a0";
const MINUS = "\u2212";
const LOCALE: Record<Language, string> = { vi: "vi-VN", en: "en-GB" };

export interface Format {
  language: Language;
  integer(value: number): string;
  decimal(value: number, digits: number): string;
  /** 0.632 -> "63,2 %". With a target the rounding never crosses it: 59.96 % is not shown as 60.0 %. */
  percent(value: number, target?: number | null): string;
  /** A target or a tick: no decimals unless it has some. */
  wholePercent(value: number): string;
  /** The number alone of a difference of rates: -0.124 -> "12,4". Never "0,0" for what is not nothing. */
  points(difference: number): string;
  signedPoints(difference: number): string;
  duration(seconds: number): string;
  clock(time: Date): string;
  /** "2026-10-29", or the day of an instant. */
  day(text: string): string;
  dayTime(instant: string): string;
  period(period: string): string;
  /** As `period`, to begin a line with. */
  periodTitle(period: string): string;
  /** As short as a column of a chart. */
  periodShort(period: string): string;
  compare(a: string, b: string): number;
}

export function createFormat(language: Language, timeZone: string): Format {
  const locale = LOCALE[language];
  const numbers = new Map<number, Intl.NumberFormat>();
  const decimal = (value: number, digits: number): string => {
    let format = numbers.get(digits);
    if (!format) {
      format = new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
      numbers.set(digits, format);
    }
    const text = format.format(Math.abs(value));
    return value < 0 && /[1-9]/.test(text) ? MINUS + text : text;
  };
  const sign = language === "vi" ? `${NBSP}%` : "%";
  const points = (difference: number): string => {
    const size = Math.abs(difference) * 100;
    if (size > 0 && size < 0.05) return `<${NBSP}${decimal(0.1, 1)}`;
    return decimal(size, 1);
  };
  const collator = new Intl.Collator(locale, { numeric: true, sensitivity: "variant" });
  const zoned = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
    new Intl.DateTimeFormat(locale, { timeZone, ...options });
  const clock = zoned({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const shortClock = zoned({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const dayFormat: Intl.DateTimeFormatOptions =
    language === "vi"
      ? { day: "2-digit", month: "2-digit", year: "numeric" }
      : { day: "numeric", month: "short", year: "numeric" };
  const day = zoned(dayFormat);
  const plainDay = new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...dayFormat });
  const monthName = new Intl.DateTimeFormat(locale, { timeZone: "UTC", month: "long", year: "numeric" });

  const period = (text: string): string => {
    const month = /^(\d{4})-(\d{2})$/.exec(text);
    if (month) {
      if (language === "vi") return `tháng${NBSP}${Number(month[2])}/${month[1]}`;
      return monthName.format(new Date(`${text}-01T00:00:00Z`));
    }
    const quarter = /^(\d{4})-Q([1-4])$/.exec(text);
    if (quarter) return language === "vi" ? `quý ${quarter[2]}/${quarter[1]}` : `Q${quarter[2]} ${quarter[1]}`;
    return language === "vi" ? `năm ${text}` : text;
  };

  return {
    language,
    decimal,
    points,
    period,
    integer: (value) => decimal(Math.round(value), 0),
    percent: (value, target) => `${decimal(towardsTruth(value * 100, target), 1)}${sign}`,
    wholePercent: (value) => `${decimal(value * 100, Number.isInteger(round1(value * 100)) ? 0 : 1)}${sign}`,
    signedPoints: (difference) => (difference < 0 ? MINUS : difference > 0 ? "+" : "") + points(difference),
    duration: (seconds) => duration(Math.round(seconds), language, decimal),
    clock: (time) => clock.format(time),
    day: (text) =>
      /^\d{4}-\d{2}-\d{2}$/.test(text) ? plainDay.format(new Date(`${text}T00:00:00Z`)) : day.format(new Date(text)),
    dayTime: (instant) => `${shortClock.format(new Date(instant))}, ${day.format(new Date(instant))}`,
    periodTitle: (text) => capital(period(text)),
    periodShort: (text) => {
      const month = /^(\d{4})-(\d{2})$/.exec(text);
      return month ? `${Number(month[2])}/${month[1]?.slice(2)}` : text;
    },
    compare: (a, b) => collator.compare(a, b),
  };
}

function round1(value: number): number {
  return Math.round(value * 10) / 10;
}

/** One decimal, on the same side of the target as the value. `percent` is 0 to 100, `target` 0 to 1. */
function towardsTruth(percent: number, target: number | null | undefined): number {
  const rounded = round1(percent);
  if (target === null || target === undefined) return rounded;
  const goal = round1(target * 100);
  const below = percent < target * 100 - 1e-7;
  if (below && rounded >= goal) return Math.floor(percent * 10) / 10;
  return rounded;
}

function capital(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

function duration(seconds: number, language: Language, decimal: Format["decimal"]): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const [hour, minute, second] = language === "vi" ? ["giờ", "phút", "giây"] : ["h", "min", "s"];
  if (seconds < 60) return `${decimal(seconds, 0)}${NBSP}${second}`;
  if (hours === 0) return `${decimal(minutes, 0)}${NBSP}${minute}`;
  if (minutes === 0 || hours >= 100) return `${decimal(hours, 0)}${NBSP}${hour}`;
  return `${decimal(hours, 0)}${NBSP}${hour} ${decimal(minutes, 0)}${NBSP}${minute}`;
}

/** For searching without accents: "Phường Đúc" -> "phuong duc". */
export function fold(text: string): string {
  return text
    .toLocaleLowerCase("vi")
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .replace(/đ/g, "d");
}
