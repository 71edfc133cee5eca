// A slider that moves is followed at once: where pictures take long, the map has fewer pixels until the slider rests.
import type { Map as MapLibre } from "maplibre-gl";

const SLOW_MS = 60; // for two pictures; more is felt
const REST_MS = 300;
const LEAST = 0.25; // of the pixels a side

const resting = new WeakMap<MapLibre, ReturnType<typeof setTimeout>>();

/**
 * To be called when what is drawn changes under the user's hand. While pictures are late, each call halves the pixels a
 * side, down to a quarter.
 */
export function keepUp(map: MapLibre): void {
  const begun = performance.now();
  const coarser = () => Math.max(LEAST, map.getPixelRatio() / devicePixelRatio / 2);
  const check = () => performance.now() - begun > SLOW_MS && resting.has(map) && draw(map, coarser());
  requestAnimationFrame(() => requestAnimationFrame(check));
  clearTimeout(resting.get(map));
  resting.set(map, setTimeout(() => rest(map), REST_MS));
}

function rest(map: MapLibre): void {
  resting.delete(map);
  draw(map, 1);
}

function draw(map: MapLibre, share: number): void {
  const ratio = devicePixelRatio * share;
  if (map.style && map.getPixelRatio() !== ratio) map.setPixelRatio(ratio); // a map without a style has gone
}
