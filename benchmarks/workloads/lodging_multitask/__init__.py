"""A multi-task crop classifier: where a crop leans, how far, and which pixels."""
