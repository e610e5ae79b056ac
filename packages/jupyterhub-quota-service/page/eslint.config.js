import js from "@eslint/js";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import { defineConfig } from "eslint/config";
import ts from "typescript-eslint";

export default defineConfig({ ignores: ["node_modules/"] }, js.configs.recommended, {
    files: ["**/*.{ts,tsx}"],
    extends: [ts.configs.strictTypeChecked, a11y.flatConfigs.strict, hooks.configs.flat["recommended-latest"]],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
        "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
        "no-restricted-syntax": [
            "error",
            { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Text is text, never HTML." },
        ],
    },
});
