/* Before the first paint: the stored choice of theme, if there is one. */
(() => {
  const theme = localStorage.getItem("framescope.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
