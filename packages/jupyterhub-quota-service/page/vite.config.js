import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Put a packed copy beside each built file; the service sends that to browsers that take it. */
function packed() {
    return {
        name: "packed",
        writeBundle({ dir }) {
            const assets = join(dir ?? ".", "assets");
            for (const name of readdirSync(assets)) {
                writeFileSync(join(assets, `${name}.gz`), gzipSync(readFileSync(join(assets, name)), { level: 9 }));
            }
        },
    };
}

// The service reads the manifest to learn what the built files are called; it writes the HTML itself.
export default defineConfig({
    plugins: [react(), packed()],
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
