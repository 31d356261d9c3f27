import { defineConfig } from "vite";

// The collector embeds dist/ and serves it under a policy that allows nothing inline and nothing from elsewhere:
// every asset is a file of its own with a hashed name, every address is relative so that a proxy may add a prefix.
export default defineConfig({
  base: "./",
  build: {
    target: ["es2020", "chrome87", "firefox78", "safari14"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    // Start a collector (or tests/web/mock.mjs) there first: EDUTALLY_URL=http://127.0.0.1:8080 npm run dev
    proxy: { "/api": { target: process.env["EDUTALLY_URL"] ?? "http://127.0.0.1:8080", changeOrigin: true } },
  },
});
