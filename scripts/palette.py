"""Print how far apart the colours of concepts look to people with any colour vision (CIEDE2000).

python scripts/palette.py
"""

from geoglot.outputs.palette import OTHER_COLOUR, known_colours
from geoglot.outputs.vision import VISIONS, distances

COMMON = ("water", "trees", "grass", "crops", "bare soil", "building", "road")


def main() -> None:
    """For each vision the two concepts that look most alike, of all and of the most common ones."""
    known = dict(known_colours()) | {"other": OTHER_COLOUR}
    print("the least distance between two colours; about 2 is just visible")
    for title, names in (("all concepts", tuple(known)), ("common ones", COMMON)):
        print(f"{title} ({len(names)})")
        colours = [known[name] for name in names]
        for vision, matrix in zip(VISIONS, distances(colours, colours), strict=True):
            pairs = [
                (float(matrix[first, second]), f"{names[first]} and {names[second]}")
                for first in range(len(names))
                for second in range(first)
            ]
            print(f"  {vision:<11} {min(pairs)[0]:5.1f}  {min(pairs)[1]}")
    pair = distances([known["swimming pool"]], [known["solar panel"]]).ravel()
    far = ", ".join(f"{one} {distance:.1f}" for one, distance in zip(VISIONS, pair, strict=True))
    print("swimming pool and solar panel", far)


if __name__ == "__main__":
    main()
