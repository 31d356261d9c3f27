// The token with which the collector lets a reader in, if it asks for one. It lives as long as the tab: a browser that
// others use afterwards does not have it, and neither does the address or the history.

const STORED = "edutally.token";

let token: string | null = remembered();

function remembered(): string | null {
  try {
    return sessionStorage.getItem(STORED);
  } catch {
    return null; // storage is refused: it lives until the page is left
  }
}

export function currentToken(): string | null {
  return token;
}

/** False for what cannot be one: a header carries visible ASCII only. */
export function keepToken(value: string): boolean {
  if (!/^[\x21-\x7e]+$/.test(value)) return false;
  token = value;
  try {
    sessionStorage.setItem(STORED, value);
  } catch {
    // As above.
  }
  return true;
}

export function forgetToken(): void {
  token = null;
  try {
    sessionStorage.removeItem(STORED);
  } catch {
    // As above.
  }
}
