// Which panel is open.
import { workspace } from "../state/workspace.svelte";

export type Tab = { id: "words" | "search" | "time" | "ask" | "audit"; title: string };

export const TABS: Tab[] = [
  { id: "words", title: "Words" },
  { id: "search", title: "Search" },
  { id: "time", title: "Time" },
  { id: "ask", title: "Ask" },
  { id: "audit", title: "Audit" },
];

export const tabs = $state({ now: "words" as Tab["id"] });

/** Without an archive there is nothing to search. */
export const shownTabs = (): Tab[] => TABS.filter((tab) => tab.id !== "search" || workspace.archives.length > 0);

/** Opens a panel, if its tab is shown. */
export function openTab(id: Tab["id"]): void {
  if (shownTabs().some((tab) => tab.id === id)) tabs.now = id;
}

/** Arrows go along the tabs, as everywhere. */
export function followArrow(event: KeyboardEvent): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const shown = shownTabs();
  const at = shown.findIndex((tab) => tab.id === tabs.now);
  tabs.now = shown[(at + step + shown.length) % shown.length]!.id;
  document.querySelector<HTMLElement>(`#tab-${tabs.now}`)?.focus();
}
