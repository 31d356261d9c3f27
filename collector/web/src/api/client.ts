// The only place that talks to the network. Addresses are relative to the page, so that a proxy may put the collector
// under any prefix.

import type { Adoption, Centre, CentreDetail, CentrePage, Deployment, Status } from "./types";

const TIMEOUT_MS = 20_000;
const PAGE_SIZE = 200;

/** Why a request gave nothing. `status` 0: no answer at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(`${title}: ${detail}`);
    this.name = "ApiError";
  }
}

type Query = Record<string, string | number | undefined>;

function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  const text = search.toString();
  return `api/v1/${path}${text === "" ? "" : `?${text}`}`;
}

async function get<T extends object>(url: string, wanted: keyof T, signal?: AbortSignal): Promise<T> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  const stop = (): void => abort.abort();
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop);
  try {
    const response = await fetch(url, {
      signal: abort.signal,
      headers: { Accept: "application/json" },
      cache: "no-cache",
    });
    if (!response.ok) throw await problem(response);
    const body: unknown = await response.json();
    if (typeof body !== "object" || body === null || !(wanted in body)) {
      throw new ApiError(response.status, "bad-answer", `${url}: "${String(wanted)}" missing`);
    }
    return body as T;
  } catch (cause) {
    if (cause instanceof ApiError || signal?.aborted) throw cause;
    throw new ApiError(0, abort.signal.aborted ? "timeout" : "unreachable", url);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** RFC 9457 if the answer is one, else its status line: a proxy in front answers in its own way. */
async function problem(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as { title?: unknown; detail?: unknown };
    if (typeof body.title === "string") {
      return new ApiError(response.status, body.title, typeof body.detail === "string" ? body.detail : "");
    }
  } catch {
    // Not JSON: the status line below says what is known.
  }
  return new ApiError(response.status, `HTTP ${response.status}`, response.statusText);
}

export function getDeployment(signal?: AbortSignal): Promise<Deployment> {
  return get<Deployment>(address("indicators"), "indicators", signal);
}

export function getStatus(signal?: AbortSignal): Promise<Status> {
  return get<Status>(address("status"), "revision", signal);
}

export interface AdoptionQuery {
  area?: string;
  parent?: string;
  from?: string;
  to?: string;
}

export async function getAdoption(query: AdoptionQuery, signal?: AbortSignal): Promise<Adoption[]> {
  return (await get<{ rows: Adoption[] }>(address("adoption", { ...query }), "rows", signal)).rows;
}

/** The address of the same rows for a spreadsheet. */
export function adoptionCsv(query: AdoptionQuery): string {
  return address("adoption", { ...query, format: "csv" });
}

export function centresCsv(area: string, period: string): string {
  return address("centres", { area, period, format: "csv" });
}

export interface CentreQuery {
  area: string;
  indicator?: string;
  period?: string;
}

/** All pages up to `limit` centres; `complete` is false if there are more. */
export async function getCentres(
  query: CentreQuery,
  limit: number,
  signal?: AbortSignal,
): Promise<{ centres: Centre[]; complete: boolean }> {
  const centres: Centre[] = [];
  let after: string | undefined;
  do {
    const url = address("centres", { ...query, limit: PAGE_SIZE, after });
    const page: CentrePage = await get<CentrePage>(url, "centres", signal);
    centres.push(...page.centres);
    after = page.next ?? undefined;
  } while (after !== undefined && centres.length < limit);
  return { centres, complete: after === undefined };
}

export function getCentre(id: string, period: string, signal?: AbortSignal): Promise<CentreDetail> {
  return get<CentreDetail>(address(`centres/${encodeURIComponent(id)}`, { period }), "verdicts", signal);
}
