import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// Relative addresses, so that the page works below any path, such as behind the proxy of JupyterHub.
export default defineConfig({
  base: "./",
  plugins: [svelte()],
  build: {
    outDir: "../src/geoglot/app/page",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the content policy of the server allows no data: scripts
    modulePreload: { polyfill: false },
    license: { fileName: "LICENCES.md" },
    chunkSizeWarningLimit: 1200,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8765" } },
});
