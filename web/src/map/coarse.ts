// A slider that moves is followed at once: where pictures take long, the map has fewer pixels until the slider rests.
import type { Map as MapLibre } from "maplibre-gl";

const SLOW_MS = 60; // for two pictures; more is felt
const REST_MS = 300;
const SHARE = 0.5; // of the pixels a side

const resting = new WeakMap<MapLibre, ReturnType<typeof setTimeout>>();

/** To be called when what is drawn changes under the user's hand; draws coarsely if the next pictures are late. */
export function keepUp(map: MapLibre): void {
  const begun = performance.now();
  const check = () => performance.now() - begun > SLOW_MS && resting.has(map) && draw(map, SHARE);
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
