// The only place that talks to the network. Addresses are relative to the page, so that a proxy may put the collector
// under any prefix.

import { currentToken, forgetToken } from "./token";
import type { Adoption, Centre, CentreDetail, CentrePage, Deployment, Status } from "./types";

const TIMEOUT_MS = 20_000;
const PAGE_SIZE = 200;

/** Why a request gave nothing. `status` 0: no answer at all. A token that is lacking, wrong, or wrong too often has titles
 * of its own: token-needed, token-wrong, token-wait. */
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

/** Whether the collector wants a token first. */
export function isLocked(error: ApiError): boolean {
  return error.title.startsWith("token-");
}

/** What `take` makes of a good answer. */
async function ask<T>(
  url: string,
  accept: string,
  take: (response: Response) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const token = currentToken();
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  const stop = (): void => abort.abort();
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop);
  try {
    const response = await fetch(url, {
      signal: abort.signal,
      headers: token === null ? { Accept: accept } : { Accept: accept, Authorization: `Bearer ${token}` },
      cache: "no-cache",
    });
    if (!response.ok) throw locked(response, token) ?? (await problem(response));
    return await take(response);
  } catch (cause) {
    if (cause instanceof ApiError || signal?.aborted) throw cause;
    throw new ApiError(0, abort.signal.aborted ? "timeout" : "unreachable", url);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

function get<T extends object>(url: string, wanted: keyof T, signal?: AbortSignal): Promise<T> {
  const take = async (response: Response): Promise<T> => {
    const body: unknown = await response.json();
    if (typeof body !== "object" || body === null || !(wanted in body)) {
      throw new ApiError(response.status, "bad-answer", `${url}: "${String(wanted)}" missing`);
    }
    return body as T;
  };
  return ask(url, "application/json", take, signal);
}

/** A file for a spreadsheet; a link could not carry the token. */
export function getFile(url: string): Promise<Blob> {
  return ask(url, "text/csv", (response) => response.blob());
}

/** A token that was refused is not sent again, unless another took its place meanwhile. */
function locked(response: Response, sent: string | null): ApiError | null {
  if (response.status !== 401 && response.status !== 429) return null;
  if (sent !== null && sent === currentToken()) forgetToken();
  const title = response.status === 429 ? "token-wait" : sent === null ? "token-needed" : "token-wrong";
  return new ApiError(response.status, title, "");
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
