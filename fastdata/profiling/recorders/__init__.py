"""What a process of a run keeps: clocks for each of its threads, and the lanes they write to."""
