// From a route to everything its view shows. One round of requests in parallel where the answers allow it; nothing is
// shown half: a view gets its data whole or an error.

import { ApiError, getAdoption, getCentre, getCentres, getDeployment } from "./api/client";
import type { Adoption, AreaName, Centre, CentreDetail, Deployment } from "./api/types";
import { defaultPeriod, trendWindow } from "./model/periods";
import type { AreaRoute, CentreRoute, Route } from "./route";

/** More centres than this are not listed at once: people drill down instead. */
const MAX_CENTRES = 1000;

export interface CentreResult {
  indicator: string;
  reporting: boolean;
  adopts: boolean;
}

export interface CentreRow {
  centre: Centre;
  results: CentreResult[];
}

export interface AreaData {
  kind: "area";
  code: string;
  name: string;
  period: string;
  /** The periods of the chart. */
  window: string[];
  /** The area's own figures, all periods of the window. */
  own: Adoption[];
  /** The direct children's figures in the period. */
  children: Adoption[];
  centres: CentreRow[] | null;
  complete: boolean;
  ancestors: AreaName[];
}

export interface CentreData {
  kind: "centre";
  period: string;
  detail: CentreDetail;
  ancestors: AreaName[];
}

export type PageData =
  AreaData | CentreData | { kind: "empty" } | { kind: "missing-area" | "missing-centre"; id: string };

export interface Loaded {
  deployment: Deployment;
  data: PageData;
}

export async function load(route: Route, signal: AbortSignal): Promise<Loaded> {
  const deployment = await getDeployment(signal);
  const known = route.period !== null && deployment.periods.includes(route.period);
  const period = known ? route.period : defaultPeriod(deployment.periods, deployment.now);
  if (period === null) return { deployment, data: { kind: "empty" } };
  const data =
    route.view === "centre"
      ? await loadCentre(route, deployment, period, signal)
      : await loadArea(route, deployment, period, signal);
  return { deployment, data };
}

async function loadArea(
  route: AreaRoute,
  deployment: Deployment,
  period: string,
  signal: AbortSignal,
): Promise<PageData> {
  const code = route.code ?? deployment.root.code;
  const window = trendWindow(deployment.periods, period);
  const edges = { from: window[0] as string, to: window[window.length - 1] as string };
  const one = { from: period, to: period };
  const [own, children] = await orMissing(() =>
    Promise.all([getAdoption({ area: code, ...edges }, signal), getAdoption({ parent: code, ...one }, signal)]),
  );
  if (!own || !children || own.length === 0) return { kind: "missing-area", id: code };
  const listed =
    route.list === "centres" || children.length === 0
      ? await loadCentreRows(code, period, deployment, signal)
      : { centres: null, complete: true };
  const latest = own[own.length - 1] as Adoption;
  const ancestors = await loadAncestors(latest.parent, deployment.root, one, signal);
  const name = own.find((row) => row.period === period)?.area_name ?? latest.area_name;
  return { kind: "area", code, name, period, window, own, children, ...listed, ancestors };
}

/** [undefined, undefined] for what the collector does not know. */
async function orMissing<T extends unknown[]>(ask: () => Promise<T>): Promise<T | [undefined, undefined]> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof ApiError && cause.status === 404) return [undefined, undefined];
    throw cause;
  }
}

async function loadCentreRows(
  area: string,
  period: string,
  deployment: Deployment,
  signal: AbortSignal,
): Promise<{ centres: CentreRow[]; complete: boolean }> {
  const ids = deployment.indicators.map((indicator) => indicator.id);
  const [all, ...judged] = await Promise.all([
    getCentres({ area, period }, MAX_CENTRES, signal),
    ...ids.map((indicator) => getCentres({ area, indicator, period }, MAX_CENTRES, signal)),
  ]);
  const results = new Map<string, CentreResult[]>();
  judged.forEach((answer, at) => {
    for (const centre of answer.centres) {
      if (!centre.verdict) continue;
      const list = results.get(centre.id) ?? [];
      list.push({ indicator: ids[at] as string, reporting: centre.verdict.reporting, adopts: centre.verdict.adopts });
      results.set(centre.id, list);
    }
  });
  const centres = all.centres.map((centre) => ({ centre, results: results.get(centre.id) ?? [] }));
  return { centres, complete: all.complete };
}

async function loadCentre(
  route: CentreRoute,
  deployment: Deployment,
  period: string,
  signal: AbortSignal,
): Promise<PageData> {
  const [detail] = await orMissing(async () => [await getCentre(route.id, period, signal), undefined]);
  if (!detail) return { kind: "missing-centre", id: route.id };
  const ancestors = await loadAncestors(detail.area, deployment.root, { from: period, to: period }, signal);
  return { kind: "centre", period, detail, ancestors };
}

/** Names and parents of areas change with a reorganisation only; a reload of the page asks again. */
const known = new Map<string, { name: string; parent: string | null }>();

/** From below the root down to `code`. An area that has no figures in the period ends the walk. */
async function loadAncestors(
  code: string | null,
  root: AreaName,
  period: { from: string; to: string },
  signal: AbortSignal,
): Promise<AreaName[]> {
  const path: AreaName[] = [];
  const seen = new Set<string>([root.code]);
  while (code !== null && !seen.has(code)) {
    seen.add(code);
    let area = known.get(code);
    if (!area) {
      const [row] = await getAdoption({ area: code, ...period }, signal);
      if (!row) break;
      area = { name: row.area_name, parent: row.parent };
      known.set(code, area);
    }
    path.unshift({ code, name: area.name });
    code = area.parent;
  }
  return path;
}
