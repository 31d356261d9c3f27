// What is shown lives in the address (after #), so that it can be kept, sent and gone back to. Pure.

export interface AreaRoute {
  view: "area";
  /** null: the root. */
  code: string | null;
  list: "areas" | "centres";
  period: string | null;
}

export interface CentreRoute {
  view: "centre";
  id: string;
  period: string | null;
}

export type Route = AreaRoute | CentreRoute;

export function parseRoute(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#/, "").split("?", 2);
  const query = new URLSearchParams(search);
  const [view, id] = path
    .split("/")
    .filter((part) => part !== "")
    .map(decode);
  const period = query.get("period");
  if (view === "centre" && id !== undefined) return { view: "centre", id, period };
  const code = view === "area" && id !== undefined ? id : null;
  return { view: "area", code, list: query.get("list") === "centres" ? "centres" : "areas", period };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a stray "%" typed by hand: it will be an unknown code
  }
}

export function routeHash(route: Route): string {
  const query = new URLSearchParams();
  if (route.period !== null) query.set("period", route.period);
  if (route.view === "area" && route.list === "centres") query.set("list", "centres");
  const search = query.toString();
  const path =
    route.view === "centre"
      ? `centre/${encodeURIComponent(route.id)}`
      : route.code === null
        ? ""
        : `area/${encodeURIComponent(route.code)}`;
  return `#/${path}${search === "" ? "" : `?${search}`}`;
}

/** The same place, whatever the period and the list. */
export function samePlace(a: Route, b: Route): boolean {
  if (a.view === "centre") return b.view === "centre" && a.id === b.id;
  return b.view === "area" && a.code === b.code;
}
