"""What ``fastdata demo`` runs: made images, a small network, and training timed step by step."""
