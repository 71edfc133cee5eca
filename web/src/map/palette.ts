// Colours of layers: Okabe and Ito's, which colour-blind people tell apart, in an order that shows on imagery.
const COLORS = ["#e69f00", "#56b4e9", "#cc79a7", "#009e73", "#d55e00", "#f0e442", "#0072b2"];

export const nextColor = (count: number): string => COLORS[count % COLORS.length]!;

/** "#rrggbb" with an opacity, as MapLibre reads it. */
export function fade(color: string, opacity: number): string {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return `rgba(${red}, ${green}, ${blue}, ${opacity})`;
}
