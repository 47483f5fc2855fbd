// Sets light or dark before the first paint. The dashboard keeps the choice of the account in "warren-theme".
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem("warren-theme");
    } catch {
      // Storage may be forbidden; then the system decides.
    }
    const theme = chosen === "light" || chosen === "dark" ? chosen : dark.matches ? "dark" : "light";
    document.documentElement.dataset.theme = theme;
  };
  apply();
  dark.addEventListener("change", apply);
  addEventListener("storage", apply);
  addEventListener("warren-theme", apply);
})();
