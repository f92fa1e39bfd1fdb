"""Source layouts and the conversion that turns them into packs."""
