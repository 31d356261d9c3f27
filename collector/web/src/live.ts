// Learns that figures moved: it asks for the collector's state every few seconds, and its revision says whether anything
// else is worth asking for. Asking and not listening: an EventSource cannot carry the token, and a stream a reader would
// hold a connection each. Where a token is wanted first, it waits to be woken.

import { ApiError, getStatus, isLocked } from "./api/client";
import type { Status } from "./api/types";

const INTERVAL_MS = 5_000;

export interface LiveEvents {
  status(status: Status): void;
  lost(error: ApiError): void;
}

/** Gives what wakes it up: to ask at once, also after it was locked out. */
export function startLive(events: LiveEvents): () => void {
  let timer = 0;
  let busy = false;
  let locked = false;
  const ask = async (): Promise<void> => {
    window.clearTimeout(timer);
    if (busy) return;
    busy = true;
    try {
      const status = await getStatus();
      locked = false;
      events.status(status);
    } catch (cause) {
      const error = cause instanceof ApiError ? cause : new ApiError(0, "unreachable", String(cause));
      locked = isLocked(error);
      events.lost(error);
    } finally {
      busy = false;
      // A page in the background rests; coming back asks at once.
      if (!document.hidden && !locked) timer = window.setTimeout(() => void ask(), INTERVAL_MS);
    }
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !locked) void ask();
  });
  window.addEventListener("online", () => {
    if (!locked) void ask();
  });
  void ask();
  return () => void ask();
}
