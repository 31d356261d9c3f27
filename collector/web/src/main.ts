// The page's one piece of state and the three things that change it: the address, the collector, the reader's hand.
// Every change ends in `draw`, which is cheap: what did not change is not touched.

import "./styles/main.css";
import { ApiError, getFile, isLocked } from "./api/client";
import { currentToken, forgetToken, keepToken } from "./api/token";
import type { Adoption, Status } from "./api/types";
import type { Context, TableState } from "./context";
import { h, render, type Child } from "./dom";
import { startLive } from "./live";
import { load, type Loaded } from "./load";
import { emptyNotice, errorNotice, loadingNotice, missingNotice } from "./parts/notices";
import { signIn } from "./parts/sign-in";
import { parseRoute, routeHash, samePlace, type Route } from "./route";
import { createText, rememberedLanguage, rememberLanguage, type Language, type Text } from "./text";
import { areaView } from "./views/area";
import { centreView } from "./views/centre";
import { breadcrumb, footer, header, warning, type Freshness } from "./views/shell";

/** Even with an unchanged revision: the clock moves on to a new period, files are reloaded. */
const REFRESH_MS = 60_000;
const NARROW = "screen and (max-width: 759px)";
const DEFAULT_ZONE = "Asia/Ho_Chi_Minh";

const app = document.getElementById("app") as HTMLElement;
const narrow = window.matchMedia(NARROW);

let language: Language = rememberedLanguage();
let route: Route = parseRoute(location.hash);
/** The route that `shown` belongs to: the old view stays until the new one has its data. */
let shownRoute: Route = route;
let shown: Loaded | null = null;
let shownRevision = -1;
let shownAt = 0;
let failure: ApiError | null = null;
let pending: AbortController | null = null;
let chartWidth = 560;
let announcement = "";
const fresh: Freshness = { status: null, confirmed: null, lost: false, locked: false };
const tables = new Map<string, TableState>();

async function refresh(): Promise<void> {
  pending?.abort();
  const mine = new AbortController();
  pending = mine;
  const wanted = route;
  const revision = fresh.status?.revision ?? -1;
  try {
    const loaded = await load(wanted, mine.signal);
    if (mine.signal.aborted) return;
    const moved = shown === null || failure !== null || !samePlace(wanted, shownRoute);
    announcement = moved ? announcement : changes(shown, loaded);
    const first = shown === null && failure === null;
    Object.assign(fresh, { confirmed: new Date(), lost: false, locked: false });
    [shown, shownRoute, shownRevision, shownAt, failure] = [loaded, wanted, revision, Date.now(), null];
    pending = null;
    draw();
    if (moved && !first) toTop();
  } catch (cause) {
    if (mine.signal.aborted) return;
    pending = null;
    const error = cause instanceof ApiError ? cause : new ApiError(0, "bad-answer", String(cause));
    if (isLocked(error)) return lock(error);
    // Figures that were right a moment ago stay, marked as old; only a view without any gives way to the error.
    if (shown === null || !samePlace(wanted, shownRoute) || failure !== null) failure = error;
    fresh.lost = true;
    draw();
  }
}

function toTop(): void {
  window.scrollTo(0, 0);
  app.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
}

/** For a screen reader: only what moved at the area that is shown. */
function changes(before: Loaded | null, after: Loaded): string {
  if (before?.data.kind !== "area" || after.data.kind !== "area" || before.data.period !== after.data.period)
    return announcement;
  const { t, f, name } = text();
  const period = after.data.period;
  const at = (rows: Adoption[], id: string): number | null =>
    rows.find((row) => row.indicator === id && row.period === period)?.rate ?? null;
  const said: string[] = [];
  for (const indicator of after.deployment.indicators) {
    const rate = at(after.data.own, indicator.id);
    if (rate !== null && rate !== at(before.data.own, indicator.id))
      said.push(t.announce(name(indicator.name), f.percent(rate)));
  }
  return said.length === 0 ? announcement : said.join(". ");
}

function onStatus(status: Status): void {
  const recovered = fresh.lost || failure !== null;
  fresh.status = status;
  const old = Date.now() - shownAt > REFRESH_MS;
  if (pending === null && (recovered || shownRevision !== status.revision || old)) void refresh();
  else if (pending === null) fresh.confirmed = new Date();
  draw();
}

function onLost(error: ApiError): void {
  if (isLocked(error)) return lock(error);
  fresh.lost = true;
  draw();
}

/** Without a token there is nothing to show, not even what was shown before it was taken away. */
function lock(error: ApiError): void {
  pending?.abort();
  [pending, shown, failure] = [null, null, error];
  Object.assign(fresh, { status: null, confirmed: null, lost: false, locked: true });
  draw();
}

function enter(token: string): void {
  if (!keepToken(token)) return lock(new ApiError(0, "token-wrong", ""));
  void refresh();
  wake();
}

function leave(): void {
  forgetToken();
  lock(new ApiError(0, "token-needed", ""));
}

/** A link that is followed carries no token: then the file is fetched, and handed over as if it had been. */
function download(event: Event): void {
  if (currentToken() === null) return;
  event.preventDefault();
  const link = event.currentTarget as HTMLAnchorElement;
  const { href, download: name } = link;
  void getFile(href).then(
    (file) => {
      const url = URL.createObjectURL(file);
      Object.assign(document.createElement("a"), { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), REFRESH_MS);
    },
    (cause: unknown) => onLost(cause instanceof ApiError ? cause : new ApiError(0, "unreachable", String(cause))),
  );
}

function text(): Text {
  return createText(language, shown?.deployment.time_zone ?? DEFAULT_ZONE);
}

function context(): Context | null {
  if (shown === null) return null;
  return {
    ...text(),
    deployment: shown.deployment,
    route: shownRoute,
    narrow: narrow.matches,
    chartWidth,
    table: (id, initial) => tables.get(id) ?? initial,
    setTable: (id, state) => {
      tables.set(id, state);
      draw();
    },
    go: (next) => {
      location.hash = routeHash(next);
    },
    download,
    watchWidth: (element) => widths.observe(element),
  };
}

const widths = new ResizeObserver((entries) => {
  const width = Math.round(entries[entries.length - 1]?.contentRect.width ?? 0);
  if (width > 0 && Math.abs(width - chartWidth) > 1) {
    chartWidth = width;
    draw();
  }
});

function setLanguage(next: Language): void {
  language = next;
  rememberLanguage(next);
  draw();
}

function draw(): void {
  const words = text();
  const all = context();
  const data = shown?.data ?? null;
  document.documentElement.lang = language;
  document.title = title(words);
  render(
    app,
    header(words, all, failure ? null : data, fresh, setLanguage),
    warning(words, fresh),
    h("main", { id: "main", tabindex: -1, "aria-busy": String(pending !== null) }, body(words, all)),
    h("div", { class: "visually-hidden", role: "status", "aria-live": "polite", key: "announcements" }, announcement),
    footer(words, fresh.status, currentToken() === null ? null : leave),
  );
}

function body(words: Text, all: Context | null): Child {
  if (failure && isLocked(failure)) return signIn(words, failure, enter);
  if (failure) return errorNotice(words, failure, () => void refresh());
  if (shown === null || all === null) return loadingNotice(words);
  const { data } = shown;
  switch (data.kind) {
    case "empty":
      return emptyNotice(words);
    case "missing-area":
      return missingNotice(words, words.t.notFoundArea(data.id));
    case "missing-centre":
      return missingNotice(words, words.t.notFoundCentre(data.id));
    case "area":
      return [breadcrumb(all, data), h("div", { class: "view", key: `area ${data.code}` }, areaView(all, data))];
    case "centre":
      return [
        breadcrumb(all, data),
        h("div", { class: "view", key: `centre ${data.detail.id}` }, centreView(all, data)),
      ];
  }
}

function title({ t }: Text): string {
  if (shown === null) return "edutally";
  const { data, deployment } = shown;
  const here = data.kind === "area" ? data.name : data.kind === "centre" ? data.detail.name : deployment.root.name;
  return `${here} – ${t.title} – edutally`;
}

window.addEventListener("hashchange", () => {
  route = parseRoute(location.hash);
  draw();
  void refresh();
});
narrow.addEventListener("change", draw);

draw();
void refresh();
const wake = startLive({ status: onStatus, lost: onLost });
