// Instead of figures: nothing yet, not found, failed, on its way.

import type { ApiError } from "../api/client";
import { h, type VNode } from "../dom";
import type { Text } from "../text";

export function emptyNotice({ t }: Text): VNode {
  const topic =
    'mosquitto_pub -t edu/v1/46/th-001/app-1/event -q 1 -m \\\n  \'{"id":"…","t":"2026-10-05T08:30:00+07:00","type":"lesson.delivered"}\'';
  const way = (text: string, code: string): VNode =>
    h("li", {}, h("p", {}, text), h("pre", { tabindex: 0 }, h("code", {}, code)));
  return h(
    "section",
    { class: "notice notice-empty" },
    h("h1", { tabindex: -1 }, t.emptyTitle),
    h("p", {}, t.emptyText),
    h(
      "ol",
      {},
      way(t.emptyDevice, topic),
      way(t.emptyFile, "edutally ingest --config collector.jsonc events.jsonl"),
      way(t.emptySimulator, "scripts/quickstart"),
    ),
  );
}

export function missingNotice({ t }: Text, text: string): VNode {
  return h(
    "section",
    { class: "notice" },
    h("h1", { tabindex: -1 }, t.notFoundTitle),
    h("p", {}, text),
    h("p", {}, h("a", { class: "button", href: "#/" }, t.backHome)),
  );
}

export function errorNotice({ t }: Text, error: ApiError, retry: () => void): VNode {
  return h(
    "section",
    { class: "notice notice-error", role: "alert" },
    h("h1", { tabindex: -1 }, t.errorTitle),
    h("p", {}, t.errors[error.title] ?? t.answered(error.status, error.title, error.detail)),
    h("p", {}, h("button", { type: "button", class: "button", on: { click: retry } }, t.retry)),
  );
}

export function loadingNotice({ t }: Text): VNode {
  return h("section", { class: "notice notice-loading" }, h("p", { role: "status" }, t.loading));
}
