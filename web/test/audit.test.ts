import { beforeEach, expect, test, vi } from "vitest";

const decidePlaces = vi.hoisted(() => vi.fn());
const readAudit = vi.hoisted(() => vi.fn());
vi.mock("../src/api/client", async (original) => ({ ...(await original<object>()), decidePlaces, readAudit }));
vi.stubGlobal("document", { baseURI: "http://map/" });
const { ApiError } = await import("../src/api/client");
const { closeAudit, decideNow, openAudit, unsaved } = await import("../src/state/audit.svelte");

const places = () => [1, 2, 3].map((id) => ({ id, lon: 0, lat: 0, class: "" }));
const sent = () => decidePlaces.mock.calls.at(-1)![1];
const decide = async (name: string) => {
  decideNow(name);
  await new Promise((done) => setTimeout(done));
};

beforeEach(async () => {
  vi.clearAllMocks();
  readAudit.mockImplementation(async () => ({ names: ["a"], places: places(), found: null, why: "" }));
  decidePlaces.mockImplementation(async () => ({ names: ["a"], places: places(), found: null, why: "" }));
  await openAudit("first");
});

test("what a server that is away did not hear is sent with the next decision", async () => {
  decidePlaces.mockRejectedValueOnce(new Error("away"));
  await decide("a");
  expect(unsaved()).toBe(true);
  await decide("?");
  expect(sent()).toEqual({ 1: "a", 2: "?" });
  expect(unsaved()).toBe(false);
});

test("what the server refused is not sent again", async () => {
  decidePlaces.mockRejectedValueOnce(new ApiError(400, "no such class"));
  await decide("x");
  await decide("a");
  expect(sent()).toEqual({ 2: "a" });
});

test("decisions of an audit that was closed do not go to another one", async () => {
  decidePlaces.mockRejectedValueOnce(new Error("away"));
  await decide("a");
  closeAudit();
  await openAudit("second");
  await decide("?");
  expect(decidePlaces.mock.calls.at(-1)).toEqual(["second", { 1: "?" }]);
});
