// A link that restores the view: where the map looks, the scene, the words with their thresholds, the panel.
import { unrolled } from "../map/bounds";
import { stage } from "../map/tool.svelte";
import { openTab, type Tab, TABS, tabs } from "../ui/tabs.svelte";
import { heat, layers, layersOf, OPACITY, WordLayer } from "./layers.svelte";
import { sceneOf, workspace } from "./workspace.svelte";

type Word = { word: string; model: string; color: string; opacity: number; visible: boolean; threshold: number | null };
export type Link = { at?: [zoom: number, lat: number, lon: number]; scene?: string; tab?: Tab["id"]; words: Word[] };

/** "#at=17/51.87/4.35&scene=s0&word=mini~e69f00~0.85~1~140~pool" */
export function formatLink(link: Link): string {
  const parts = new URLSearchParams();
  if (link.at) parts.set("at", link.at.map((each, i) => +each.toFixed(i ? 6 : 2)).join("/"));
  if (link.scene) parts.set("scene", link.scene);
  if (link.tab) parts.set("tab", link.tab);
  for (const { word, model, color, opacity, visible, threshold } of link.words)
    parts.append("word", [model, color.slice(1), opacity, visible ? 1 : 0, threshold ?? "", word].join("~"));
  return `#${parts}`;
}

/** A number of a link; null if it is none, or outside of what it may be. */
function within(text: string | undefined, least: number, most: number): number | null {
  const value = text ? Number(text) : NaN;
  return value >= least && value <= most ? value : null;
}

export function readLink(hash: string): Link {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const [zoom, lat, lon] = (parts.get("at") ?? "").split("/");
  const at = [within(zoom, -2, 22), within(lat, -90, 90), within(lon, -180, 180)];
  const words = parts.getAll("word").flatMap((text): Word[] => {
    const [model, color, opacity, visible, threshold, ...rest] = text.split("~");
    const word = rest.join("~"); // last, as it may hold anything
    if (!word || !model || !/^[0-9a-f]{6}$/.test(color ?? "")) return [];
    const view = { opacity: within(opacity, 0, 1) ?? OPACITY, visible: visible === "1", threshold: within(threshold, 1, 255) };
    return [{ word, model, color: `#${color}`, ...view }];
  });
  return {
    at: at.includes(null) ? undefined : (at as Link["at"]),
    scene: parts.get("scene") ?? undefined,
    tab: TABS.find((tab) => tab.id === parts.get("tab"))?.id,
    words,
  };
}

const QUIET_MS = 600; // a browser asks for the icon of the page anew whenever its address changes
let waiting: number | undefined;
let leaving = false;

/** The link to what is shown now. */
export function currentLink(): string {
  const center = stage.map?.getCenter();
  const at: Link["at"] = center && [stage.map!.getZoom(), center.lat, center.wrap().lng];
  const words = layersOf(workspace.scene).map(({ word, model, color, opacity, visible, threshold }) => ({
    word, model, color, opacity, visible, threshold,
  }));
  return formatLink({ at, scene: workspace.scene ?? undefined, tab: tabs.now, words });
}

export function writeLink(): void {
  if (!workspace.ready || !stage.map || leaving) return;
  const link = currentLink();
  window.clearTimeout(waiting);
  waiting = window.setTimeout(() => window.history.replaceState(null, "", link), QUIET_MS);
}

/** Opens the page anew at an address that was pasted; the page may have written its own over it since. */
export function openLink(address: string): void {
  leaving = true;
  window.clearTimeout(waiting);
  window.history.replaceState(null, "", address);
  location.reload();
}

/** Shows what a link says. Its words are asked for again, which the server has kept. */
export async function restore(link: Link): Promise<void> {
  const scene = sceneOf(link.scene ?? null);
  if (link.scene && !scene) throw new Error("The scene of this link is not open here.");
  if (scene) workspace.scene = scene.id;
  if (link.tab) openTab(link.tab);
  if (link.at) stage.map?.jumpTo({ zoom: link.at[0], center: [link.at[2], link.at[1]] });
  else if (scene) stage.map?.fitBounds(unrolled(scene.bounds), { padding: 24, duration: 0 });
  if (!workspace.scene) return;
  for (const word of link.words) {
    const layer = new WordLayer(word.word, workspace.scene, word.color, word.model);
    Object.assign(layer, { opacity: word.opacity, visible: word.visible, threshold: word.threshold });
    layers.all.push(layer);
  }
  const models = Map.groupBy(layers.all, (layer) => layer.model);
  await Promise.all([...models.values()].map(heat));
}
