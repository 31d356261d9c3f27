// Everything a view needs in order to speak: messages and forms of numbers in one language.

import { createFormat, type Format, type Language } from "./format";
import { en } from "./en";
import { vi, type Messages } from "./vi";

export type { Format, Language, Messages };

export interface Text {
  t: Messages;
  f: Format;
  /** A name that comes with the data; Vietnamese if the language has none. */
  name(names: Record<string, string>): string;
}

const MESSAGES: Record<Language, Messages> = { vi, en };
const STORED = "edutally.language";

export function createText(language: Language, timeZone: string): Text {
  return {
    t: MESSAGES[language],
    f: createFormat(language, timeZone),
    name: (names) => names[language] ?? names["vi"] ?? Object.values(names)[0] ?? "",
  };
}

export function rememberedLanguage(): Language {
  try {
    return localStorage.getItem(STORED) === "en" ? "en" : "vi";
  } catch {
    return "vi"; // storage is refused: the default
  }
}

export function rememberLanguage(language: Language): void {
  try {
    localStorage.setItem(STORED, language);
  } catch {
    // Storage is refused: the choice holds until the page is left.
  }
}
