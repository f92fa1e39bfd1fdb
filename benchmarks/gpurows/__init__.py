"""The cases of gpu.py: what makes batches on a GPU, and how each is measured.

The files of peers/ are scripts, which also run where fastdata is not installed, and import one
another by bare names; what is shared with them is found through the path.
"""

import sys
from pathlib import Path

# Behind the script's own folder, and before whatever modules lie beside a checkout.
sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "peers"))
