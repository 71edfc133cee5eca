"""SegCLIP (Zhang et al., IEEE TGRS 2024): segmentation by masks whose queries are class texts."""
