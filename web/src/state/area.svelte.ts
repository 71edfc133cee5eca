// The area to which everything is restricted: drawn, what the map shows, or the polygons of a file.
import { readArea } from "../api/client";
import type { Area, Job } from "../api/types";
import { boundsOf } from "../map/bounds";
import { cutBy } from "../map/cut";
import { lookAt } from "../map/tool.svelte";
import { remember } from "./history.svelte";
import { say } from "./say.svelte";
import { workspace } from "./workspace.svelte";

export const AREA_FILES = ".geojson,.json,.gpkg,.kml,.kmz,.fgb,.parquet,.zip";
export const isAreaFile = (file: File): boolean => AREA_FILES.split(",").some((ending) => file.name.toLowerCase().endsWith(ending));

/** Sets the area; the map finds the objects that it shows again within it. */
function set(area: Area): void {
  cutBy(area);
  workspace.area = area;
}

/** Whether a result is of another area than is chosen now. */
export const isOfOtherArea = (job: Job): boolean => JSON.stringify(job.body["area"] ?? null) !== JSON.stringify(workspace.area);

export function restrict(area: Area, title = "the area"): void {
  const before = workspace.area;
  set(area);
  remember(title, () => set(before));
  say(area ? "Objects, maps, hits, changes and answers are now of the area alone." : "The area was removed.");
}

export async function openArea(file: File): Promise<void> {
  const area = await readArea(file);
  restrict(area, `the area of ${file.name}`);
  if (area) lookAt(boundsOf(area));
}
