/** Appearance: large for projectors, light or dark; stored in this browser. */

import { byId, mark } from "./dom.js";

const root = document.documentElement;

export function setUpAppearance() {
  const large = byId("look-large");
  const dark = byId("look-dark");
  const isDark = () =>
    (root.dataset.theme ??
      (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

  function apply(isLarge, theme) {
    mark(root, "data-large", isLarge);
    mark(root, "data-theme", theme);
    mark(large, "aria-pressed", String(isLarge));
    mark(dark, "aria-pressed", String(isDark()));
  }

  function keep(name, value) {
    localStorage.setItem(name, value);
    apply(localStorage.getItem("large") === "yes", localStorage.getItem("theme"));
  }

  large.addEventListener("click", () =>
    keep("large", root.hasAttribute("data-large") ? "no" : "yes"),
  );
  dark.addEventListener("click", () => keep("theme", isDark() ? "light" : "dark"));
  apply(localStorage.getItem("large") === "yes", localStorage.getItem("theme"));
}
