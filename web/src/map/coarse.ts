// A slider that moves is followed at once: where a picture takes long, the map has fewer pixels until the slider rests.
import type { Map as MapLibre } from "maplibre-gl";

const SLOW_MS = 50; // a picture that takes longer is felt
const REST_MS = 300;
const SHARE = 0.5; // of the pixels a side

const resting = new WeakMap<MapLibre, ReturnType<typeof setTimeout>>();

/** To be called when what is drawn changes under the user's hand; draws coarsely if the next picture is late. */
export function keepUp(map: MapLibre): void {
  if (resting.has(map)) clearTimeout(resting.get(map));
  else requestAnimationFrame((begun) => requestAnimationFrame((drawn) => drawn - begun > SLOW_MS && draw(map, SHARE)));
  resting.set(map, setTimeout(() => rest(map), REST_MS));
}

function rest(map: MapLibre): void {
  resting.delete(map);
  if (map.getPixelRatio() !== devicePixelRatio) draw(map, 1);
}

function draw(map: MapLibre, share: number): void {
  if (map.style) map.setPixelRatio(devicePixelRatio * share); // a map without a style has gone
}
