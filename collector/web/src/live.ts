// Learns that figures moved. Today it asks for the collector's state every few seconds, and its revision says whether
// anything else is worth asking for; server-sent events may replace the asking without any other file noticing.

import { ApiError, getStatus } from "./api/client";
import type { Status } from "./api/types";

const INTERVAL_MS = 5_000;

export interface LiveEvents {
  status(status: Status): void;
  lost(error: ApiError): void;
}

export function startLive(events: LiveEvents): void {
  let timer = 0;
  let busy = false;
  const ask = async (): Promise<void> => {
    window.clearTimeout(timer);
    if (busy) return;
    busy = true;
    try {
      events.status(await getStatus());
    } catch (cause) {
      events.lost(cause instanceof ApiError ? cause : new ApiError(0, "unreachable", String(cause)));
    } finally {
      busy = false;
      // A page in the background rests; coming back asks at once.
      if (!document.hidden) timer = window.setTimeout(() => void ask(), INTERVAL_MS);
    }
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) void ask();
  });
  window.addEventListener("online", () => void ask());
  void ask();
}
