// Which panel is open.
export type Tab = { id: "words" | "search" | "time" | "ask"; title: string };

const ALL: Tab[] = [
  { id: "words", title: "Words" },
  { id: "search", title: "Search" },
  { id: "time", title: "Time" },
  { id: "ask", title: "Ask" },
];

export const tabs = $state({
  all: ALL,
  now: "words" as Tab["id"],
  /** Arrows go along the tabs, as everywhere. */
  arrow(event: KeyboardEvent, shown: Tab[]) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = shown.findIndex((tab) => tab.id === tabs.now);
    tabs.now = shown[(at + step + shown.length) % shown.length]!.id;
    document.querySelector<HTMLElement>(`#tab-${tabs.now}`)?.focus();
  },
});
