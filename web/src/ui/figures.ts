// Numbers, areas, dates and names as people write them.
export const formatNumber = (value: number): string =>
  value.toLocaleString("en", { maximumSignificantDigits: value < 1000 ? 3 : 4 });

export function formatArea(area: number | null | undefined, unit = "m2"): string | null {
  if (area == null) return null;
  if (unit !== "m2") return `${formatNumber(area)} px`;
  if (area >= 1e6) return `${formatNumber(area / 1e6)} km²`;
  return area >= 1e5 ? `${formatNumber(area / 1e4)} ha` : `${formatNumber(area)} m²`;
}

export const formatPercent = (share: number): string => `${Math.round(share * 100)} %`;
export const formatDay = (time: string | null | undefined): string => time?.slice(0, 10) ?? "no date";

/** The usual name of what a word was taught: its letters and digits, of any script, with dashes; short enough for the server. */
export const taughtName = (word: string): string =>
  `${word.match(/[\p{L}\p{N}]+/gu)?.join("-").slice(0, 50) ?? "word"}-mine`;
