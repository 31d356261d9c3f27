// A server with the page, the API's contract and a made-up world behind it. It sends the policy that the collector sends,
// so that a page that breaks it fails here. `mock.fail` makes the API answer with an error, `mock.token` makes it ask for one.
//
// node mock.mjs [PORT] serves it for a look by hand.

import { createServer } from "node:http";
import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { World } from "./world.mjs";

export const DIST = fileURLToPath(new URL("../../collector/web/dist/", import.meta.url));
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const MEDIA = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

function answer(world, path, query) {
  if (path === "indicators") return world.indicators();
  if (path === "adoption") return world.adoption(query);
  if (path === "centres") return world.centrePage(query);
  if (path === "status") return world.status();
  if (path.startsWith("centres/")) return world.centre(decodeURIComponent(path.slice(8)), query.period);
  return null;
}

/** The page as it is now: a build that runs beside the tests empties the folder for a moment. */
export async function readPage() {
  const names = ["index.html", ...(await readdir(join(DIST, "assets"))).map((name) => `assets/${name}`)];
  const bodies = await Promise.all(names.map((name) => readFile(join(DIST, name))));
  return new Map(names.map((name, index) => [`/${name}`, bodies[index]]));
}

export async function startMock(port = 0) {
  const files = await readPage();
  const mock = { world: new World(), fail: null, token: null, status: {}, requests: [] };
  const api = (url, request, response) => {
    const path = url.pathname.slice("/api/v1/".length);
    mock.requests.push(path + url.search);
    if (mock.token !== null && request.headers.authorization !== `Bearer ${mock.token}`) {
      const status = mock.guesses > 0 ? 401 : 429;
      const title = request.headers.authorization === undefined ? "A token is needed" : "Unknown token";
      if (request.headers.authorization !== undefined) mock.guesses -= 1;
      const body = JSON.stringify({ title, status, detail: "" });
      return send(response, status, "application/problem+json", body);
    }
    if (mock.fail) return send(response, mock.fail.status, "application/problem+json", JSON.stringify(mock.fail));
    if (url.searchParams.get("format") === "csv") return send(response, 200, "text/csv", "indicator,area\r\n");
    const body = answer(mock.world, path, Object.fromEntries(url.searchParams));
    if (body === null)
      return send(
        response,
        404,
        "application/problem+json",
        JSON.stringify({ title: "Not found", status: 404, detail: url.pathname }),
      );
    return send(
      response,
      200,
      "application/json",
      JSON.stringify(path === "status" ? { ...body, ...mock.status } : body),
    );
  };
  const file = (url, response) => {
    const path = url.pathname === "/" ? "/index.html" : url.pathname;
    const body = files.get(path);
    if (body === undefined) return send(response, 404, "text/plain", "not found");
    return send(response, 200, MEDIA[extname(path)] ?? "application/octet-stream", body);
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    if (url.pathname.startsWith("/api/v1/")) api(url, request, response);
    else file(url, response);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  mock.url = `http://127.0.0.1:${server.address().port}/`;
  mock.stop = () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    });
  return mock;
}

function send(response, status, type, body) {
  response.writeHead(status, { "Content-Type": type, "Content-Security-Policy": POLICY, "Cache-Control": "no-cache" });
  response.end(body);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log((await startMock(Number(process.argv[2] ?? 0))).url);
