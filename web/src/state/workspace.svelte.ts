// What the server opened at its start, and what was opened since.
import { readState, uploadScene } from "../api/client";
import type { Area, Scene, State } from "../api/types";
import { overlap } from "../map/bounds";
import { complain, say } from "./say.svelte";
import { finished, follow, keep } from "./work.svelte";

type Workspace = Omit<State, "jobs" | "scenes"> & { scenes: Scene[]; ready: boolean; scene: string | null; other: string | null; area: Area };

export const workspace = $state<Workspace>({
  ready: false,
  version: "",
  model: "mini",
  models: [],
  scenes: [],
  archives: [],
  upload_mb: 0,
  basemap: null,
  scene: null,
  other: null,
  area: null,
});

export const sceneOf = (id: string | null): Scene | undefined => workspace.scenes.find((each) => each.id === id);

/** The open scene of a file, of which an archive keeps the path; none if several may be meant. */
export function sceneOfFile(path: string): Scene | undefined {
  const place = `/${path.replaceAll("\\", "/")}`;
  const fitting = workspace.scenes.filter((each) => !each.dropped && place.endsWith(`/${each.name}`));
  return fitting.length === 1 ? fitting[0] : undefined;
}

/** The date that the scene is compared with: another scene of the same place. */
export function otherDate(): Scene | undefined {
  const [scene, other] = [sceneOf(workspace.scene), sceneOf(workspace.other)];
  return scene && other && scene.id !== other.id && overlap(scene.bounds, other.bounds) ? other : undefined;
}

export async function openWorkspace(): Promise<void> {
  const { jobs, ...state } = await readState();
  const scenes = state.scenes.filter((scene) => !scene.error) as Scene[];
  const broken = state.scenes.filter((scene) => scene.error).map((scene) => `${scene.name}: ${scene.error}`);
  if (broken.length) say(broken.join(" "), true);
  Object.assign(workspace, state, { scenes, ready: true, scene: scenes[0]?.id ?? null });
  for (const job of jobs) {
    if (finished(job)) keep(job);
    else follow(job).catch(complain); // of a page that was closed, or a server that was restarted
  }
}

export async function openFile(file: File): Promise<void> {
  if (file.size > workspace.upload_mb * 2 ** 20)
    throw new Error(`${file.name} must be at most ${workspace.upload_mb} MB; give larger files to geoglot serve.`);
  say(`Opening ${file.name} …`);
  const scene = await uploadScene(file);
  workspace.scenes = [...workspace.scenes.filter((each) => each.id !== scene.id), scene];
  workspace.scene = scene.id;
  say(`${scene.name} is open: ${scene.size[0]} by ${scene.size[1]} pixels.`);
}
