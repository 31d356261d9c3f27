// One Chromium for a test file, a fresh context for each page; every page reports what must never happen.

import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const PHONE = { width: 360, height: 740 };
export const DESK = { width: 1440, height: 900 };

export async function startBrowser() {
  const profile = await mkdtemp(join(tmpdir(), "edutally-web-"));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
    env: { ...process.env, HOME: profile, XDG_CONFIG_HOME: profile, XDG_CACHE_HOME: profile },
  });
  return {
    /** `faults` collects errors of the page, breaches of its policy and requests to other hosts. */
    async open(url, { viewport = DESK, theme = "light", language = "vi" } = {}) {
      const context = await browser.newContext({
        viewport,
        colorScheme: theme,
        deviceScaleFactor: 1,
        locale: "vi-VN",
        timezoneId: "UTC",
      });
      const page = await context.newPage();
      page.faults = [];
      page.on("pageerror", (error) => page.faults.push(String(error)));
      page.on("console", (message) => {
        // Chromium says every failed request here as well: those are the tests' own doing.
        if (message.type() === "error" && !/Failed to load resource/.test(message.text()))
          page.faults.push(message.text());
      });
      page.on("request", (request) => {
        if (new URL(request.url()).host !== new URL(url).host) page.faults.push(`request to ${request.url()}`);
      });
      if (language !== "vi")
        await page.addInitScript((value) => localStorage.setItem("edutally.language", value), language);
      await page.goto(url);
      page.done = () => context.close();
      return page;
    },
    async stop() {
      await browser.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** What axe calls serious or critical, as readable lines. */
export async function seriousFaults(page) {
  await page.evaluate(await readFile(AXE, "utf8"));
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations
    .filter((fault) => fault.impact === "serious" || fault.impact === "critical")
    .flatMap((fault) =>
      fault.nodes.map((node) => `${fault.id}: ${node.target.join(" ")} – ${node.any[0]?.message ?? fault.help}`),
    );
}

/** How far the page scrolls sideways, and which elements stick out of the window or cut their text off. */
export function overflow(page) {
  return page.evaluate(() => {
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    const inScroll = (element) => element.closest(".scroll, .visually-hidden, .skip, .one-line, pre, svg") !== null;
    const out = [...document.querySelectorAll("#app *")]
      .filter(
        (element) =>
          !inScroll(element) && element.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5,
      )
      .map((element) => `${element.tagName}.${element.className}`);
    const cut = [...document.querySelectorAll("p, dd, dt, h1, h2, h3, th, td, a, button")]
      .filter(
        (element) =>
          !inScroll(element) &&
          element.scrollWidth > element.clientWidth + 1 &&
          element.clientWidth > 0 &&
          getComputedStyle(element).display !== "inline",
      )
      .map((element) => `cut: ${element.tagName}.${element.className} ${element.textContent.slice(0, 40)}`);
    return wide > 0 ? [`page is ${wide} px too wide`, ...out, ...cut] : [...out, ...cut];
  });
}

export async function shot(page, name, { fullPage = true } = {}) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage, animations: "disabled" });
}
