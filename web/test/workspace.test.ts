import { describe, expect, test, vi } from "vitest";
import type { Scene } from "../src/api/types";

vi.stubGlobal("document", { baseURI: "http://map/" });
const { otherDate, sceneOfFile, workspace } = await import("../src/state/workspace.svelte");

const scene = (id: string, name: string, west: number) => ({ id, name, bounds: [west, 0, west + 1, 1] }) as Scene;
workspace.scenes = [scene("a", "1.tif", 0), scene("b", "11.tif", 0), scene("c", "2.tif", 5)];

test("a scene of a file is the one of its folder, and none where several may be meant", () => {
  const before = workspace.scenes;
  workspace.scenes = [scene("a", "2023/x.tif", 0), scene("b", "2024/x.tif", 0), { ...scene("c", "1.tif", 0), dropped: true }];
  expect(["/data/2024/x.tif", "2023/x.tif", "x.tif", "/data/1.tif"].map((path) => sceneOfFile(path)?.id)).toEqual(["b", "a", undefined, undefined]);
  workspace.scenes = before;
});

describe("a scene", () => {
  test.each([["/data/11.tif", "b"], ["C:\\data\\1.tif", "a"], ["2.tif", "c"], ["/data/x.tif", undefined]])("of the file %s is %s", (path, id) => {
    expect(sceneOfFile(path)?.id).toBe(id);
  });
  test.each([["a", "b", "b"], ["a", "a", undefined], ["a", "c", undefined], ["a", null, undefined], [null, "a", undefined]])(
    "%s that is asked to be compared with %s is compared with %s",
    (id, other, compared) => {
      Object.assign(workspace, { scene: id, other });
      expect(otherDate()?.id).toBe(compared);
    },
  );
});
