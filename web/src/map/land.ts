// The land of Natural Earth at 1:50 million, which is in the public domain, as the npm package world-atlas carries it.
import type { FeatureCollection } from "geojson";
import { feature } from "topojson-client";
import type { Topology } from "topojson-specification";
import atlas from "world-atlas/land-50m.json";

export function land(): FeatureCollection {
  const topology = atlas as unknown as Topology;
  return feature(topology, topology.objects.land!) as unknown as FeatureCollection;
}
