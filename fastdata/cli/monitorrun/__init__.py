"""The parts of ``fastdata monitor``: running the command, the live view, the report."""
