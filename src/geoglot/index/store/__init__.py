"""Archives on disk: shards of vectors and tables, in places of the world grid."""
