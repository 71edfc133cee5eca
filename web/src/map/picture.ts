// The view of the map as a PNG, with a legend, a scale, and where it comes from.
import type { Map as MapLibre } from "maplibre-gl";
import { layersOf } from "../state/layers.svelte";
import { say } from "../state/say.svelte";
import { otherDate, sceneOf, workspace } from "../state/workspace.svelte";
import { formatDay, formatNumber } from "../ui/figures";
import { hostOf } from "./style";
import { stage, tool } from "./tool.svelte";

const EDGE = 12; // pixels of the page
const LINE = 20;
const FONT = "13px system-ui, sans-serif";
const EQUATOR_M = 40_075_016.7;

type Entry = { color: string; text: string };

/** What the colours on the map mean. */
export function legendOf(): Entry[] {
  const words = layersOf(workspace.scene).filter((layer) => layer.visible && layer.ready);
  const classes = tool.classes?.scene === workspace.scene ? (tool.classes?.legend ?? []) : [];
  const changes = tool.changes?.classes ?? [];
  return [
    ...words.map((layer) => ({ color: layer.color, text: `${layer.word}, score of at least ${layer.score.toFixed(2)}` })),
    ...classes.map(({ name, color }) => ({ color, text: name })),
    ...changes.map(({ name, color }) => ({ color, text: `became ${name}` })),
  ];
}

/** The longest round distance that is at most `most` pixels wide, and its width. */
export function scaleOf(metres: number, most = 120): { text: string; width: number } {
  const power = 10 ** Math.floor(Math.log10(metres * most));
  const length = [5, 2, 1].map((each) => each * power).find((each) => each <= metres * most)!;
  return { text: length >= 1000 ? `${formatNumber(length / 1000)} km` : `${formatNumber(length)} m`, width: length / metres };
}

/** What a map draws at the moment. Its canvas can be read only while it draws. */
const shoot = (map: MapLibre): Promise<ImageBitmap> =>
  new Promise((done) => {
    map.once("render", () => done(createImageBitmap(map.getCanvas())));
    map.triggerRepaint();
  });

function plate(pen: CanvasRenderingContext2D, x: number, y: number, width: number, height: number): void {
  pen.fillStyle = "#ffffffe6";
  pen.fillRect(x, y, width, height);
  pen.fillStyle = "#1b2227";
}

function drawLegend(pen: CanvasRenderingContext2D, entries: Entry[]): void {
  if (!entries.length) return;
  const widest = Math.max(...entries.map((entry) => pen.measureText(entry.text).width));
  plate(pen, EDGE, EDGE, widest + 44, entries.length * LINE + 12);
  entries.forEach(({ color, text }, i) => {
    const y = EDGE + 6 + i * LINE;
    pen.fillStyle = color;
    pen.fillRect(EDGE + 10, y + 3, 14, 14);
    pen.fillStyle = "#1b2227";
    pen.fillText(text, EDGE + 34, y + LINE / 2);
  });
}

/** Right and wrong places, as the page shows them. */
function drawMarks(pen: CanvasRenderingContext2D, map: MapLibre, scene: string | null): void {
  pen.save();
  Object.assign(pen, { font: `bold ${FONT}`, textAlign: "center", strokeStyle: "#ffffff", lineWidth: 2 });
  for (const { right, at } of layersOf(scene).flatMap((layer) => layer.marks)) {
    const { x, y } = map.project(at);
    pen.beginPath();
    pen.arc(x, y, 10, 0, 2 * Math.PI);
    pen.fillStyle = right ? "#0b6b3a" : "#a3160d";
    pen.fill();
    pen.stroke();
    pen.fillStyle = "#ffffff";
    pen.fillText(right ? "✓" : "✕", x, y + 1);
  }
  pen.restore();
}

function drawScale(pen: CanvasRenderingContext2D, map: MapLibre, height: number): void {
  const metres = (EQUATOR_M * Math.cos((map.getCenter().lat * Math.PI) / 180)) / (512 * 2 ** map.getZoom());
  const { text, width } = scaleOf(metres);
  plate(pen, EDGE, height - EDGE - 34, width + 20, 34);
  pen.fillText(text, EDGE + 10, height - EDGE - 22);
  pen.fillRect(EDGE + 10, height - EDGE - 9, width, 3);
}

function drawSource(pen: CanvasRenderingContext2D, width: number, height: number): void {
  const [scene, other] = [sceneOf(workspace.scene), stage.over ? otherDate() : undefined];
  const dates = [scene, other].filter((each) => each !== undefined).map((each) => `${each.name} (${formatDay(each.time)})`);
  const base = workspace.basemap ? [`base map: ${hostOf(workspace.basemap)}`] : [];
  const text = [dates.join(" | "), ...base, "land: Natural Earth", "geoglot"].filter(Boolean).join(" · ");
  const wide = Math.min(pen.measureText(text).width, width / 2);
  plate(pen, width - EDGE - wide - 20, height - EDGE - 26, wide + 20, 26);
  pen.fillText(text, width - EDGE - wide - 10, height - EDGE - 13, wide);
}

/** Draws the view with its legend and saves it. */
export async function savePicture(): Promise<void> {
  const map = stage.map;
  if (!map) return;
  const page = await drawPicture(map);
  const blob = await new Promise<Blob | null>((done) => page.toBlob(done, "image/png"));
  if (!blob) throw new Error("The picture is too large for this browser; make its window smaller.");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${(sceneOf(workspace.scene)?.name ?? "map").replace(/\.\w+$/, "")}-map.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  say(`${link.download} is saved: the map with its legend and scale.`);
}

async function drawPicture(map: MapLibre): Promise<HTMLCanvasElement> {
  const under = await shoot(map);
  const over = stage.over ? await shoot(stage.over) : null;
  const page = document.createElement("canvas");
  [page.width, page.height] = [under.width, under.height];
  const pen = page.getContext("2d")!;
  const ratio = under.width / map.getCanvas().clientWidth;
  pen.scale(ratio, ratio);
  pen.textBaseline = "middle";
  const [width, height] = [page.width / ratio, page.height / ratio];
  pen.drawImage(under, 0, 0, width, height);
  drawMarks(pen, map, workspace.scene);
  if (over) {
    const from = (width * stage.cut) / 100;
    pen.save();
    pen.beginPath();
    pen.rect(from, 0, width - from, height);
    pen.clip();
    pen.drawImage(over, 0, 0, width, height);
    drawMarks(pen, map, otherDate()?.id ?? null);
    pen.restore();
  }
  pen.font = FONT;
  drawLegend(pen, legendOf());
  drawScale(pen, map, height);
  drawSource(pen, width, height);
  return page;
}
