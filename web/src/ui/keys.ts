// Keys of the whole page. Letters count only while nothing is being typed.
import { flushSync } from "svelte";
import { tool } from "../map/tool.svelte";
import { undo } from "../state/history.svelte";
import { layersOf } from "../state/layers.svelte";
import { say } from "../state/say.svelte";
import { turnTheme } from "../state/theme.svelte";
import { workspace } from "../state/workspace.svelte";
import { openTab, TABS } from "./tabs.svelte";

export const KEYS: [key: string, what: string][] = [
  ["/", "type words"],
  ["1 to 5", "words, search, time, ask, audit"],
  ["Tab", "go to the next control; on the map, arrows move it, + and − zoom"],
  ["Enter on the map", "click in its centre: look at an object, or mark a place"],
  ["r, w", "while correcting: mark right or wrong places"],
  ["1 to 9, 0", "in an audit: the class of the place; 0: it cannot be told"],
  ["n, b", "in an audit: the next place, the place before"],
  ["h", "show or hide all heat"],
  ["u, Ctrl+Z", "undo"],
  ["t", "dark or light"],
  ["Esc", "leave correcting or drawing; close the facts of an object"],
  ["?", "these keys"],
];

/** The keys of the panel that is open, which go before those of the page. */
export const panelKeys: { acts: Record<string, () => void> } = { acts: {} };

const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && Boolean(target.closest("dialog, input:not([type=range], [type=checkbox]), textarea, select"));

export function takeBack(): void {
  const title = undo();
  say(title ? `Took back ${title}.` : "There is nothing to undo.");
}

function turnHeat(): void {
  const all = layersOf(workspace.scene);
  const on = !all.some((layer) => layer.visible);
  for (const layer of all) layer.visible = on;
}

function setRight(right: boolean): void {
  if (tool.now.kind === "mark") tool.now.right = right;
}

const focusWords = () => {
  flushSync(() => openTab("words")); // the next key is a letter of the words
  document.querySelector<HTMLElement>("#words")?.focus();
};

export function keyPressed(event: KeyboardEvent, help: () => void): void {
  if (event.key === "Escape") Object.assign(tool, { now: { kind: "look" }, facts: null });
  if (typing(event.target) || event.altKey || event.metaKey || event.repeat) return; // a key that is held acts once
  if (event.ctrlKey) {
    if (event.key === "z") takeBack();
    return;
  }
  const acts: Record<string, () => void> = {
    "/": focusWords,
    "?": help,
    u: takeBack,
    t: turnTheme,
    h: turnHeat,
    r: () => setRight(true),
    w: () => setRight(false),
  };
  TABS.forEach((tab, i) => (acts[String(i + 1)] = () => openTab(tab.id)));
  const act = panelKeys.acts[event.key] ?? acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}
