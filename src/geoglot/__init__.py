"""geoglot: say it in words, see it on the map.

The public names stand in `__init__.pyi`. Each is loaded when it is first used, so importing geoglot costs nothing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
