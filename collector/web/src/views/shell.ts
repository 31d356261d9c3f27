// The frame around every view: whose figures these are, of when, how fresh, in which language.

import type { Status } from "../api/types";
import type { Context } from "../context";
import { h, type Child, type VNode } from "../dom";
import type { PageData } from "../load";
import { icon } from "../parts/icons";
import { routeHash } from "../route";
import type { Language, Text } from "../text";

/** How fresh what is shown is. */
export interface Freshness {
  status: Status | null;
  /** When figures and collector last agreed. */
  confirmed: Date | null;
  lost: boolean;
  /** A token is wanted before there is anything to be fresh. */
  locked: boolean;
}

/** Seconds behind at which it is worth a word. */
const LAG_SHOWN_S = 60;

export function header(
  text: Text,
  context: Context | null,
  data: PageData | null,
  fresh: Freshness,
  setLanguage: (language: Language) => void,
): VNode {
  const { t } = text;
  return h(
    "header",
    { class: "top" },
    h("a", { class: "skip", href: "#main", on: { click: skip } }, t.skip),
    h(
      "div",
      { class: "top-inner" },
      h(
        "a",
        { class: "brand", href: "#/" },
        h("span", { class: "brand-root" }, context?.deployment.root.name ?? "edutally"),
        h("span", { class: "brand-name" }, context ? "edutally" : "\u00a0"),
      ),
      h(
        "div",
        { class: "top-tools" },
        freshness(text, fresh),
        context && data && "period" in data && periodChoice(context, data.period),
        languageChoice(text, setLanguage),
      ),
    ),
  );
}

function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function periodChoice(context: Context, period: string): VNode {
  const { deployment, f, t } = context;
  const choose = (event: Event): void =>
    context.go({ ...context.route, period: (event.target as HTMLSelectElement).value });
  const thisMonth = deployment.now.slice(0, 7);
  return h(
    "label",
    { class: "period" },
    h("span", { class: "visually-hidden" }, t.period),
    h(
      "select",
      { id: "period", value: period, on: { change: choose } },
      [...deployment.periods]
        .reverse()
        .map((each) =>
          h(
            "option",
            { key: each, value: each },
            each === thisMonth ? `${f.periodTitle(each)} – ${t.openPeriod}` : f.periodTitle(each),
          ),
        ),
    ),
  );
}

function languageChoice({ t, f }: Text, setLanguage: (language: Language) => void): VNode {
  const button = (language: Language, short: string, long: string): VNode =>
    h(
      "button",
      {
        key: language,
        type: "button",
        lang: language,
        title: long,
        "aria-label": `${short} – ${long}`,
        "aria-pressed": String(f.language === language),
        on: { click: () => setLanguage(language) },
      },
      short,
    );
  return h(
    "div",
    { class: "segmented languages", role: "group", "aria-label": t.language },
    button("vi", "VI", "Tiếng Việt"),
    button("en", "EN", "English"),
  );
}

function freshness({ f, t }: Text, { status, confirmed, lost, locked }: Freshness): VNode | null {
  if (locked) return null;
  if (lost)
    return h(
      "p",
      { class: "fresh fresh-lost", title: t.lostDetail },
      icon("cross"),
      confirmed ? t.lost(f.clock(confirmed)) : t.lostAtOnce,
    );
  if (!confirmed) return h("p", { class: "fresh" }, h("span", { class: "pulse", "aria-hidden": "true" }), t.waiting);
  const still = status !== null && !status.connected;
  return h(
    "p",
    { class: `fresh ${still ? "fresh-still" : "fresh-live"}` },
    h("span", { class: "pulse", "aria-hidden": "true" }),
    t.live(f.clock(confirmed)),
  );
}

/** What keeps new figures from coming, in a strip below the header. */
export function warning({ f, t }: Text, { status, lost }: Freshness): Child {
  if (lost || !status) return null;
  const lag = status.lag_s ?? 0;
  const words = !status.connected
    ? status.last_message === null
      ? t.brokerDown
      : t.brokerDownSince(f.dayTime(status.last_message))
    : lag > LAG_SHOWN_S
      ? t.lagging(f.duration(lag))
      : null;
  return (
    words !== null &&
    h("div", { class: "warning", role: "status", key: "warning" }, h("p", {}, icon("question"), words))
  );
}

export function breadcrumb(context: Context, data: PageData): Child {
  const { deployment, t, route } = context;
  if (data.kind !== "area" && data.kind !== "centre") return null;
  if (data.kind === "area" && data.code === deployment.root.code) return null;
  const link = (code: string | null, name: string): VNode =>
    h(
      "li",
      { key: code ?? "root" },
      h("a", { href: routeHash({ view: "area", code, list: "areas", period: route.period }) }, name),
    );
  const here = data.kind === "area" ? data.name : data.detail.name;
  return h(
    "nav",
    { class: "breadcrumb", "aria-label": t.youAreHere, key: "breadcrumb" },
    h(
      "ol",
      {},
      link(null, deployment.root.name),
      data.ancestors.map((area) => link(area.code, area.name)),
      h("li", { key: "here", "aria-current": "page" }, here),
    ),
  );
}

/** `leave` forgets the token; null if there is none. */
export function footer({ t }: Text, status: Status | null, leave: (() => void) | null): VNode {
  return h(
    "footer",
    { class: "bottom" },
    h("p", {}, t.footer),
    h(
      "p",
      {},
      leave && h("button", { key: "leave", type: "button", class: "plain", on: { click: leave } }, t.signOut),
      "edutally",
      status && ` · ${t.version(status.version)}`,
    ),
  );
}
