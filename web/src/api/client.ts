// Requests to the server that the page came from. Addresses are relative, so that any path before them works.
import type { FeatureCollection } from "geojson";
import type { Area, Audit, Bodies, Job, Picture, Scene, State } from "./types";

/** The address of the page, which ends with a slash; tiles need it, because a worker resolves no relative address. */
export const BASE = new URL("./", document.baseURI).href;

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

async function send(method: string, path: string, body?: BodyInit, type = "application/json"): Promise<Response> {
  const headers: HeadersInit = body === undefined ? {} : { "Content-Type": type };
  const answer = await fetch(BASE + path, { method, body, headers }).catch(() => {
    throw new Error("The server of the map does not answer. Is geoglot serve still running?");
  });
  if (answer.ok) return answer;
  throw new ApiError(answer.status, await messageOf(answer));
}

/** What the server says of a request that it refused. */
async function messageOf(answer: Response): Promise<string> {
  const document = await answer.json().catch(() => null);
  return document?.error?.message ?? `The server answered ${answer.status}.`;
}

/** Why a part of the map cannot be drawn, from an error of MapLibre, which holds what the server answered. */
export async function explainError(error: { message: string; status?: number; body?: Blob }): Promise<string> {
  const why = error.body ? await messageOf(new Response(error.body, { status: error.status })) : error.message;
  return `Part of the map cannot be drawn: ${why}`;
}

const read = async <T>(path: string): Promise<T> => (await send("GET", path)).json();

export const readState = () => read<State>("api/state");
export const readJob = (id: string) => read<Job>(`api/jobs/${id}`);
export const readFeatures = (id: string, what: "objects" | "evidence" | "change") =>
  read<FeatureCollection>(`api/jobs/${id}/${what}.geojson`);
export const dropJob = (id: string) => send("DELETE", `api/jobs/${id}`);
export const startJob = async <Kind extends keyof Bodies>(kind: Kind, body: Bodies[Kind]): Promise<Job> =>
  (await send("POST", `api/jobs/${kind}`, JSON.stringify(body))).json();
export const uploadScene = async (file: File): Promise<Scene> =>
  (await send("POST", `api/scenes?name=${encodeURIComponent(file.name)}`, file, "application/octet-stream")).json();

export const uploadPicture = async (file: File): Promise<Picture> =>
  (await send("POST", `api/pictures?name=${encodeURIComponent(file.name)}`, file, "application/octet-stream")).json();
export const readArea = async (file: File): Promise<Area> =>
  (await (await send("POST", `api/areas?name=${encodeURIComponent(file.name)}`, file, "application/octet-stream")).json()).area;

export const readAudit = (job: string) => read<Audit>(`api/jobs/${job}/audit`);
export const decidePlaces = async (job: string, names: Record<number, string>): Promise<Audit> =>
  (await send("PUT", `api/jobs/${job}/audit`, JSON.stringify({ names }))).json();
export const placePicture = (job: string, place: number) => `${BASE}api/jobs/${job}/audit/places/${place}.png`;
export const sampleOf = (job: string) => `${BASE}api/jobs/${job}/audit/sample.csv`;

export const fileOf = (job: string, name: string) => `${BASE}api/jobs/${job}/files/${encodeURIComponent(name)}`;
export const tilesOf = (path: string) => `${BASE}api/${path}/{z}/{x}/{y}.png`;
