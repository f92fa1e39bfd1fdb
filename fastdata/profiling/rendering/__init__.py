"""A profile where it is read: on the console, as a page, as a trace."""
