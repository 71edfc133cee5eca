"""From words, pictures and places to the chips of an archive that fit them."""
