// Show the theme that was chosen on JupyterHub's own pages, and let it be changed where they do. Small and by itself, so
// that it can run before anything is shown.
(() => {
  const key = "jupyterhub-bs-theme";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    let theme: string | null = null;
    try {
      theme = localStorage.getItem(key);
    } catch {
      // Storage may be forbidden; then what the system prefers counts.
    }
    root.dataset["bsTheme"] = theme === "dark" || theme === "light" ? theme : dark.matches ? "dark" : "light";
  };
  show();
  dark.addEventListener("change", show);
  addEventListener("storage", show);
  addEventListener("DOMContentLoaded", () => {
    const toggle = document.getElementById("dark-theme-toggle");
    toggle?.removeAttribute("hidden"); // without a script it would do nothing
    toggle?.addEventListener("click", () => {
      const theme = root.dataset["bsTheme"] === "dark" ? "light" : "dark";
      root.dataset["bsTheme"] = theme;
      try {
        localStorage.setItem(key, theme);
      } catch {
        // It holds until the next page.
      }
    });
  });
})();
