"""What ``fastdata train`` is made of: building, showing and recording a run."""
