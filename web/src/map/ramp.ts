// How heat is drawn: tiles hold values 0..255 (0: nothing is known), which the graphics card colours.
import type { ExpressionSpecification } from "maplibre-gl";
import { fade } from "./palette";

const FAINT = 0.12; // just below the threshold
const CLEAR = 0.62; // just above it

/**
 * The colours of the values. Moving the threshold changes only these, so nothing is requested and nothing computed.
 * Two stops lie one value apart, as MapLibre draws nothing at all for "step" here.
 */
export function rampOf(color: string, threshold: number | null): ExpressionSpecification {
  const stops: [number, number][] =
    threshold === null
      ? [[1, 0], [255, 0.9]]
      : [[1, 0], [Math.max(threshold - 1, 1.5), FAINT], [Math.max(threshold, 2), CLEAR], [255.5, 0.9]];
  const flat = stops.flatMap(([value, opacity]) => [value, fade(color, opacity)]);
  return ["interpolate", ["linear"], ["elevation"], 0, fade(color, 0), ...flat] as ExpressionSpecification;
}
