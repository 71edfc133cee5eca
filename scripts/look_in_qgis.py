"""Draw results as QGIS opens them, with their names: a page for each file, map left and legend right.

/usr/bin/python3 scripts/look_in_qgis.py FOLDER map.tif map.gpkg ...      # on Debian: apt-get install python3-qgis
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from qgis.core import (
    QgsApplication,
    QgsLayoutExporter,
    QgsLayoutItemLegend,
    QgsLayoutItemMap,
    QgsLayoutPoint,
    QgsLayoutSize,
    QgsPrintLayout,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)


def main(folder: Path, paths: list[Path]) -> None:
    """Write FOLDER/NAME.png for each file and print what QGIS reads of it."""
    for path in paths:
        raster = path.suffix in (".tif", ".tiff")
        source = f"/vsizip/{path}" if path.suffix == ".zip" else str(path)
        layer = QgsRasterLayer(source, path.name) if raster else QgsVectorLayer(source, path.name, "ogr")
        if not layer.isValid():
            sys.exit(f"{path}: QGIS cannot open it: {layer.error().message()}")
        kind = layer.renderer().type()
        print(path.name, kind, [item.label() for item in layer.renderer().legendSymbolItems()] if not raster else "")
        project = QgsProject()
        project.addMapLayer(layer)
        _draw(project, layer, folder / f"{path.name}.png")


def _draw(project: QgsProject, layer: QgsRasterLayer | QgsVectorLayer, output: Path) -> None:
    layout = QgsPrintLayout(project)
    layout.initializeDefaults()
    drawn = QgsLayoutItemMap(layout)
    drawn.setRect(0, 0, 200, 200)  # a map of no size draws nothing
    drawn.attemptMove(QgsLayoutPoint(5, 5))
    drawn.attemptResize(QgsLayoutSize(200, 200))
    drawn.setCrs(layer.crs())
    drawn.setLayers([layer])
    drawn.zoomToExtent(layer.extent())
    legend = QgsLayoutItemLegend(layout)
    legend.attemptMove(QgsLayoutPoint(210, 5))
    layout.addLayoutItem(drawn)
    layout.addLayoutItem(legend)
    settings = QgsLayoutExporter.ImageExportSettings()
    settings.dpi = 100
    QgsLayoutExporter(layout).exportToImage(str(output), settings)


if __name__ == "__main__":
    application = QgsApplication([], False)
    application.initQgis()
    main(Path(sys.argv[1]), [Path(name).resolve() for name in sys.argv[2:]])
    sys.stdout.flush()
    os._exit(0)  # the libraries of QGIS crash when they are taken down without a screen
