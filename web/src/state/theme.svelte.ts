// Light or dark: as the system has it, until the user decides.
const asked = matchMedia("(prefers-color-scheme: dark)");

export const theme = $state({ dark: (localStorage.getItem("theme") ?? (asked.matches ? "dark" : "light")) === "dark" });

asked.addEventListener("change", () => {
  if (!localStorage.getItem("theme")) theme.dark = asked.matches;
});

export function turnTheme(): void {
  theme.dark = !theme.dark;
  localStorage.setItem("theme", theme.dark ? "dark" : "light");
}
