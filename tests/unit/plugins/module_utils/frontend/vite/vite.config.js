import { defineConfig } from "vite";

export default defineConfig({
  base: "/static/vite/",
  build: {
    assetsInlineLimit: 0,
    emptyOutDir: true,
    manifest: true,
    outDir: "../assets/vite",
    rollupOptions: { input: "src/main.js" },
  },
});
