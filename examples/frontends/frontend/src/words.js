export const greeting = "Bundled by Vite";
