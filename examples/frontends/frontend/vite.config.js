import { defineConfig } from "vite";

const host = "127.0.0.1";
const port = Number(process.env.VITE_PORT ?? 5173);

export default defineConfig(({ command }) => ({
  // What is built names its parts relative to itself, so one build serves from any STATIC_URL.
  base: command === "serve" ? "/static/vite/" : "./",
  build: {
    assetsInlineLimit: 0,
    emptyOutDir: true,
    manifest: true,
    outDir: "../assets/vite",
    rollupOptions: { input: "src/main.js" },
  },
  // The page comes from Django: without an origin, images would be asked of it too.
  server: { host, port, strictPort: true, origin: `http://${host}:${port}` },
}));
