import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The service reads the manifest to learn what the built files are called; it writes the HTML itself.
export default defineConfig({
  plugins: [react()],
  base: "./",
  publicDir: false,
  build: {
    outDir: "../src/jupyterhub_quota_service/static",
    emptyOutDir: true,
    manifest: "manifest.json",
    modulePreload: false,
    assetsInlineLimit: 0, // the content security policy allows no data: addresses
    rolldownOptions: { input: ["src/main.tsx", "src/theme.ts"] },
  },
});
