"""Times what a thread does, into figures of one step or one batch; nothing here is shared."""
